// Package inventory declares the lines of the file of an estate, for who writes it
// (package estate) and who reads it (package context). docs/context.md is its
// document.
package inventory

import "encoding/json"

// Line has the members of all lines. Those that a line has not are left out.
type Line struct {
	// Of the first line.
	Version json.RawMessage `json:"nsgflow_inventory,omitempty"`
	Time    string          `json:"time,omitempty"`
	Cloud   string          `json:"cloud,omitempty"`

	// Of an object.
	T        string            `json:"t,omitempty"`
	ID       string            `json:"id,omitempty"`
	Type     string            `json:"type,omitempty"`
	Name     string            `json:"name,omitempty"`
	Region   string            `json:"region,omitempty"`
	Space    []string          `json:"space,omitempty"`
	Peers    []string          `json:"peers,omitempty"`
	VNet     string            `json:"vnet,omitempty"`
	MAC      string            `json:"mac,omitempty"`
	Subnet   string            `json:"subnet,omitempty"`
	IPs      []string          `json:"ips,omitempty"`
	VM       string            `json:"vm,omitempty"`
	VMID     string            `json:"vmid,omitempty"`
	Size     string            `json:"size,omitempty"`
	Zone     string            `json:"zone,omitempty"`
	Host     string            `json:"host,omitempty"`
	ScaleSet string            `json:"scaleset,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	IP       string            `json:"ip,omitempty"`
	Prefix   string            `json:"prefix,omitempty"`
	FQDN     string            `json:"fqdn,omitempty"`
	On       string            `json:"on,omitempty"`
	Target   string            `json:"target,omitempty"`
	FQDNs    []string          `json:"fqdns,omitempty"`
	Prefixes []string          `json:"prefixes,omitempty"`
	VNets    []string          `json:"vnets,omitempty"`
	Group    string            `json:"group,omitempty"`

	// Of the last line, whose T is "end": the lines before it.
	Lines int `json:"lines,omitempty"`
}
