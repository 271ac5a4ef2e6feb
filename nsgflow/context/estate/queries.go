package estate

// A query is asked page by page. Each projects texts and a column that is unique,
// and is ordered by it: else an answer has no $skipToken, or its pages overlap
// (Azure Resource Graph, "Guidance for pagination"). mv-expand is cut at 128 rows
// unless a limit is named.
type query struct {
	name string
	text string
	// key is the unique column.
	key string
	// optional queries are of tables that not every cloud has.
	optional bool
}

// expandedKey is the unique column of queries with mv-expand: the id of an element of
// the list.
const expandedKey = "key"

const (
	nicColumns = ` | mv-expand c = properties.ipConfigurations limit 2000
| project key = strcat(tolower(id), '|', tolower(tostring(c.name))), id = tolower(id), name, location, mac = tostring(properties.macAddress), vm = tolower(tostring(properties.virtualMachine.id)), pe = tolower(tostring(properties.privateEndpoint.id)), ip = tostring(c.properties.privateIPAddress), subnet = tolower(tostring(c.properties.subnet.id)), fqdns = tostring(c.properties.privateLinkConnectionProperties.fqdns)
| order by key asc`
	vmColumns = `
| project id = tolower(id), name, location, vmid = tostring(properties.vmId), size = tostring(properties.hardwareProfile.vmSize), host = tostring(properties.osProfile.computerName), zone = tostring(zones[0]), scaleset = tolower(tostring(properties.virtualMachineScaleSet.id)), tags = tostring(tags)
| order by id asc`
	frontendColumns = ` limit 2000
| project key = tolower(tostring(f.id)), id = tolower(id), type = tolower(type), name, location, ip = tostring(f.properties.privateIPAddress), subnet = tolower(tostring(f.properties.subnet.id))
| order by key asc`
)

// The queries of a pass, in their order.
var (
	nicQuery = query{"NICs", `resources | where type =~ 'microsoft.network/networkinterfaces'` + nicColumns, expandedKey, false}
	// Scale sets in uniform mode are not in resources.
	scaleSetNICQuery = query{"NICs of scale sets", `computeresources | where type =~ 'microsoft.compute/virtualmachinescalesets/virtualmachines/networkinterfaces'` + nicColumns, expandedKey, true}
	vmQuery          = query{"VMs", `resources | where type =~ 'microsoft.compute/virtualmachines'` + vmColumns, "id", false}
	scaleSetVMQuery  = query{"VMs of scale sets", `computeresources | where type =~ 'microsoft.compute/virtualmachinescalesets/virtualmachines'` + vmColumns, "id", true}
	vnetQuery        = query{"VNets", `resources | where type =~ 'microsoft.network/virtualnetworks'
| project id = tolower(id), name, location, space = tostring(properties.addressSpace.addressPrefixes), peers = tostring(properties.virtualNetworkPeerings)
| order by id asc`, "id", false}
	subnetQuery = query{"subnets", `resources | where type =~ 'microsoft.network/virtualnetworks' | mv-expand s = properties.subnets limit 2000
| project key = tolower(tostring(s.id)), id = tolower(id), name = tostring(s.name), prefix = tostring(s.properties.addressPrefix), prefixes = tostring(s.properties.addressPrefixes)
| order by key asc`, expandedKey, false}
	publicQuery = query{"public addresses", `resources | where type in~ ('microsoft.network/publicipaddresses', 'microsoft.network/publicipprefixes')
| project id = tolower(id), name, location, ip = tostring(properties.ipAddress), prefix = tostring(properties.ipPrefix), fqdn = tostring(properties.dnsSettings.fqdn), config = tolower(tostring(properties.ipConfiguration.id)), nat = tolower(tostring(properties.natGateway.id))
| order by id asc`, "id", false}
	frontendQuery = query{"frontends", `resources | where type in~ ('microsoft.network/loadbalancers', 'microsoft.network/applicationgateways') | mv-expand f = properties.frontendIPConfigurations` + frontendColumns, expandedKey, false}
	gatewayQuery  = query{"addresses of firewalls, bastions and gateways", `resources | where type in~ ('microsoft.network/azurefirewalls', 'microsoft.network/bastionhosts', 'microsoft.network/virtualnetworkgateways') | mv-expand f = properties.ipConfigurations` + frontendColumns, expandedKey, false}
	endpointQuery = query{"private endpoints", `resources | where type =~ 'microsoft.network/privateendpoints'
| project id = tolower(id), name, location, target = tolower(coalesce(tostring(properties.privateLinkServiceConnections[0].properties.privateLinkServiceId), tostring(properties.manualPrivateLinkServiceConnections[0].properties.privateLinkServiceId))), dns = tostring(properties.customDnsConfigs)
| order by id asc`, "id", false}
	siteQuery = query{"sites and clients", `resources | where type in~ ('microsoft.network/localnetworkgateways', 'microsoft.network/virtualnetworkgateways', 'microsoft.network/connections')
| project id = tolower(id), type = tolower(type), name, space = tostring(properties.localNetworkAddressSpace.addressPrefixes), pool = tostring(properties.vpnClientConfiguration.vpnClientAddressPool.addressPrefixes), gateway = tolower(tostring(properties.virtualNetworkGateway1.id)), lgw = tolower(tostring(properties.localNetworkGateway2.id)), subnet = tolower(tostring(properties.ipConfigurations[0].properties.subnet.id))
| order by id asc`, "id", false}
	subscriptionQuery = query{"subscriptions", `resourcecontainers | where type =~ 'microsoft.resources/subscriptions'
| project id = tolower(id), name
| order by id asc`, "id", false}
	clusterQuery = query{"AKS clusters", `resources | where type =~ 'microsoft.containerservice/managedclusters'
| project id = tolower(id), name, node = tolower(tostring(properties.nodeResourceGroup))
| order by id asc`, "id", false}
	scaleSetQuery = query{"scale sets", `resources | where type =~ 'microsoft.compute/virtualmachinescalesets'
| project id = tolower(id), name, mode = tostring(properties.orchestrationMode)
| order by id asc`, "id", false}
)
