package estate

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"fluent-bit-nsgflow/nsgflow/internal/paging"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// setNICs is a page of "Network Interfaces - List Virtual Machine Scale Set Network
// Interfaces", which answers for sets in uniform mode only.
type setNICs struct {
	NextLink string `json:"nextLink"`
	Value    []struct {
		ID         string `json:"id"`
		Location   string `json:"location"`
		Properties struct {
			MAC string    `json:"macAddress"`
			VM  reference `json:"virtualMachine"`
			IPs []struct {
				Name       string `json:"name"`
				Properties struct {
					IP     string    `json:"privateIPAddress"`
					Subnet reference `json:"subnet"`
				} `json:"properties"`
			} `json:"ipConfigurations"`
		} `json:"properties"`
	} `json:"value"`
}

type reference struct {
	ID string `json:"id"`
}

// uniform asks each scale set in uniform mode for its NICs.
func (r *reader) uniform(ctx context.Context) error {
	sets, err := r.all(ctx, scaleSetQuery)
	if err != nil {
		return err
	}
	for _, set := range sets {
		if set.text("mode") == "Flexible" {
			continue // its NICs are as others
		}
		at := runtime.JoinPaths(r.Resources.Endpoint(), set.text("id")+"/networkInterfaces") + "?api-version=2018-10-01"
		var circle paging.Circle
		for at != "" {
			if err := r.o.Wait(ctx, r.o.Pace); err != nil {
				return err
			}
			var page setNICs
			err := get(ctx, r.Resources, at, &page)
			var answer *azcore.ResponseError
			if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
				break // deleted meanwhile
			}
			if err != nil {
				return err
			}
			if err := r.inv.addNICs(page.rows()); err != nil {
				return err
			}
			at = page.NextLink
			if err := circle.Check(at); err != nil {
				return err
			}
		}
	}
	return nil
}

// rows are those that Resource Graph would have.
func (p *setNICs) rows() (all []row) {
	for _, nic := range p.Value {
		id := strings.ToLower(nic.ID)
		for _, c := range nic.Properties.IPs {
			all = append(all, row{"key": id + "|" + c.Name, "id": id, "location": nic.Location, "mac": nic.Properties.MAC, "vm": strings.ToLower(nic.Properties.VM.ID),
				"ip": c.Properties.IP, "subnet": strings.ToLower(c.Properties.Subnet.ID)})
		}
	}
	return all
}
