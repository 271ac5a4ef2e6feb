package azure

import (
	"fmt"
	"strings"
	"time"
)

// Written is the time of all records here, ThisHour the hour of it.
var (
	Written  = time.Now().UTC()
	ThisHour = Written.Truncate(time.Hour)
)

const subscription = "2AB00000-0000-4000-8000-00000000BEEF"

const hourForm = "y=2006/m=01/d=02/h=15/m=00/"

// NSGName is the name of the blob of a NIC and an hour.
func NSGName(nsg string, nic int, hour time.Time) string {
	return fmt.Sprintf("resourceId=/SUBSCRIPTIONS/%s/RESOURCEGROUPS/EDGE/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/%s/%smacAddress=%012X/PT1H.json",
		subscription, nsg, hour.UTC().Format(hourForm), 0x0022480A0000+nic)
}

// VNetName is NSGName for VNet flow logs.
func VNetName(nic int, hour time.Time) string {
	return fmt.Sprintf("flowLogResourceID=/%s_NETWORKWATCHERRG/NETWORKWATCHER_WESTEUROPE_EDGE-FLOWLOG/%smacAddress=%012X/PT1H.json",
		subscription, hour.UTC().Format(hourForm), 0x0022480B0000+nic)
}

// NSGRecord is a record with a tuple for each n, which it makes unique.
func NSGRecord(n ...int) string {
	return fmt.Sprintf(`{"time":"%s","systemId":"5c0ffee0-1111-4222-8333-444455556666","macAddress":"0022480A0000","category":"NetworkSecurityGroupFlowEvent","resourceId":"/SUBSCRIPTIONS/%s/RESOURCEGROUPS/EDGE/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/EDGE-NSG","operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":2,"flows":[{"rule":"UserRule_\"{[\\","flows":[{"mac":"0022480A0000","flowTuples":[%s]}]}]}}`,
		Written.Format("2006-01-02T15:04:05.0000000Z"), subscription, tuples(n, NSGTuple))
}

// VNetRecord is NSGRecord for VNet flow logs.
func VNetRecord(n ...int) string {
	return fmt.Sprintf(`{"time":"%s","flowLogVersion":4,"flowLogGUID":"5c0ffee0-1111-4222-8333-444455556666","macAddress":"0022480B0000","category":"FlowLogFlowEvent","flowLogResourceID":"/SUBSCRIPTIONS/%s/RESOURCEGROUPS/NETWORKWATCHERRG/PROVIDERS/MICROSOFT.NETWORK/NETWORKWATCHERS/NETWORKWATCHER_WESTEUROPE/FLOWLOGS/EDGE-FLOWLOG","targetResourceID":"/subscriptions/%s/resourceGroups/edge/providers/Microsoft.Network/virtualNetworks/edge","operationName":"FlowLogFlowEvent","flowRecords":{"flows":[{"aclID":"unspecified","flowGroups":[{"rule":"DefaultRule_AllowVnetOutBound","flowTuples":[%s]}]}]}}`,
		Written.Format("2006-01-02T15:04:05.0000000Z"), subscription, strings.ToLower(subscription), tuples(n, VNetTuple))
}

// NSGTuple is the tuple that stands for n, below 2^24.
func NSGTuple(n int) string {
	return fmt.Sprintf("%d,10.1.%d.4,192.0.2.7,%d,443,T,O,A,B,,,,", Written.Unix(), n>>16, n&0xffff)
}

// VNetTuple is NSGTuple for VNet flow logs.
func VNetTuple(n int) string {
	return fmt.Sprintf("%d,10.1.%d.4,192.0.2.7,%d,443,6,O,B,NX,0,0,0,0", Written.UnixMilli(), n>>16, n&0xffff)
}

func tuples(n []int, tuple func(int) string) string {
	var all []string
	for _, n := range n {
		all = append(all, `"`+tuple(n)+`"`)
	}
	return strings.Join(all, ",")
}
