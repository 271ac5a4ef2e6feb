package azure_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resourcegraph/armresourcegraph"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/token"
)

// Azure's own client asks it at the address of the public cloud, with a token
// for it.
func TestResourceGraph(t *testing.T) {
	tokens := token.New(t)
	graph := azure.StartResourceGraph(t, tokens)
	graph.Set(0, azure.FlowLogAccount{Subscription: "a", StorageID: azure.StorageID("a", "edgelogs")},
		azure.FlowLogAccount{Subscription: "b", StorageID: azure.StorageID("b", "farlogs")})

	i := tokens.ServicePrincipal()
	credential, err := azidentity.NewClientSecretCredential(token.Tenant, i.ClientID, i.Secret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: azcore.ClientOptions{Transport: tokens.Client()}})
	if err != nil {
		t.Fatal(err)
	}
	options := &arm.ClientOptions{}
	options.Transport = tokens.Client()
	client, err := armresourcegraph.NewClient(credential, options)
	if err != nil {
		t.Fatal(err)
	}
	query := armresourcegraph.QueryRequest{
		Query:         to.Ptr("resources | where type =~ 'microsoft.network/networkwatchers/flowlogs'"),
		Subscriptions: to.SliceOfPtrs("b"),
		Options:       &armresourcegraph.QueryRequestOptions{ResultFormat: to.Ptr(armresourcegraph.ResultFormatObjectArray)},
	}
	page, err := client.Resources(t.Context(), query, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, _ := page.Data.([]any)
	if len(rows) != 1 || rows[0].(map[string]any)["id"] != "/subscriptions/b/resourcegroups/edge-rg/providers/microsoft.storage/storageaccounts/farlogs" {
		t.Errorf("%v", rows)
	}

	graph.Fail(http.StatusForbidden, "AccessDenied", "")
	_, err = client.Resources(t.Context(), query, nil)
	var refused *azcore.ResponseError
	if !errors.As(err, &refused) || refused.ErrorCode != "AccessDenied" {
		t.Error(err)
	}
	if graph.Queries() != 2 || i.Issued() != 1 {
		t.Errorf("%d queries with %d tokens", graph.Queries(), i.Issued())
	}

	response, err := tokens.Client().Post("https://management.azure.com/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %s", response.Status)
	}
}
