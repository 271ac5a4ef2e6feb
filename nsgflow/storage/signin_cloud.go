package storage

import (
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
)

// azureCloud is a cloud whose resource manager is known, and how it names its
// storage accounts where these say nothing else.
type azureCloud struct {
	cloud.Configuration
	blobs string
}

func (c azureCloud) endpoint(account string) string { return "https://" + account + "." + c.blobs }

// cloudOfAuthority is the cloud of a sign-in URL, as AZURE_AUTHORITY_HOST has
// it; empty: the public one. It is not ok for a cloud that is not known, which
// accounts cannot be found in.
func cloudOfAuthority(authority string) (c azureCloud, ok bool) {
	public := azureCloud{cloud.AzurePublic, "blob.core.windows.net"}
	if authority == "" {
		return public, true
	}
	u, err := url.Parse(authority)
	if err != nil {
		return azureCloud{}, false
	}
	switch u.Hostname() {
	case "login.microsoftonline.com", "login.microsoft.com", "login.windows.net":
		return public, true
	case "login.microsoftonline.us":
		return azureCloud{cloud.AzureGovernment, "blob.core.usgovcloudapi.net"}, true
	case "login.partner.microsoftonline.cn", "login.chinacloudapi.cn":
		return azureCloud{cloud.AzureChina, "blob.core.chinacloudapi.cn"}, true
	}
	return azureCloud{}, false
}
