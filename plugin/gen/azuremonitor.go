package main

import (
	"slices"
	"strings"

	"fluent-bit-nsgflow/nsgflow"
)

// Templates of Azure Resource Manager for what the Logs Ingestion API needs: a
// data collection rule with an endpoint of its own and, where the workspace has
// none, a table. The API ignores what the rule does not declare, and says nothing.

// deployment is for events of schema ecs: a table of our own.
func deployment() file {
	const table = "AzureFlow_CL"
	columns := tableColumns(slices.Concat(nsgflow.SchemaECS.Fields(), nsgflow.SchemaECS.ContextFields()))
	r := rule(dataFlow{table: table, columns: columns, output: "Custom-" + table, transform: "source"})
	r["dependsOn"] = []string{"[resourceId('Microsoft.OperationalInsights/workspaces/tables', parameters('workspace'), '" + table + "')]"}
	return template("conf/azure-monitor/template.json", "azure-flow", object{
		"type": "Microsoft.OperationalInsights/workspaces/tables", "apiVersion": "2022-10-01",
		"name":       "[format('{0}/" + table + "', parameters('workspace'))]",
		"properties": object{"schema": object{"name": table, "columns": columns}},
	}, r)
}

// sentinel is for events of schema asim: the table is Microsoft Sentinel's, whose
// stream has another prefix. What is no event has nothing that it declares: it
// would be a row with a time. Fields of a context are not declared.
func sentinel() file {
	const table = "ASimNetworkSessionLogs"
	return template("conf/azure-monitor/sentinel.json", "azure-flow-asim", rule(dataFlow{
		table: table, columns: nativeColumns(append(nsgflow.SchemaASIM.Fields(), nsgflow.SchemaASIM.ContextFields()...)), output: "Microsoft-" + table,
		transform: "source | where isnotempty(EventType)",
	}))
}

// dataFlow is the way of a rule: from a stream with these columns, which the
// output azure_logs_ingestion calls "Custom-" and the table's name, to another.
type dataFlow struct {
	table     string
	columns   []object
	output    string
	transform string
}

const ruleID = "resourceId('Microsoft.Insights/dataCollectionRules', parameters('rule'))"

func rule(f dataFlow) object {
	stream := "Custom-" + f.table
	workspace := "[resourceId('Microsoft.OperationalInsights/workspaces', parameters('workspace'))]"
	return object{
		"type": "Microsoft.Insights/dataCollectionRules", "apiVersion": "2023-03-11", "kind": "Direct",
		"name":     "[parameters('rule')]",
		"location": "[parameters('location')]",
		"properties": object{
			"streamDeclarations": object{stream: object{"columns": f.columns}},
			"destinations":       object{"logAnalytics": []object{{"name": "workspace", "workspaceResourceId": workspace}}},
			"dataFlows": []object{{"streams": []string{stream}, "destinations": []string{"workspace"},
				"transformKql": f.transform, "outputStream": f.output}},
		},
	}
}

// template is one with parameters for a rule, and what the agent is to be told.
func template(name, rule string, resources ...object) file {
	ofRule := func(property string) object {
		return object{"type": "string", "value": "[reference(" + ruleID + ", '2023-03-11')." + property + "]"}
	}
	return file{name, encode(object{
		"$schema":        "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
		"contentVersion": "1.0.0.0",
		"parameters": object{
			"workspace": object{"type": "string", "metadata": object{"description": "Name of the Log Analytics workspace, in this resource group"}},
			"location":  object{"type": "string", "defaultValue": "[resourceGroup().location]", "metadata": object{"description": "Region of the workspace"}},
			"rule":      object{"type": "string", "defaultValue": rule, "metadata": object{"description": "Name of the data collection rule"}},
		},
		"resources": resources,
		"outputs": object{
			"AZURE_DCE_URL": ofRule("endpoints.logsIngestion"),
			"AZURE_DCR_ID":  ofRule("immutableId"),
			"rule":          object{"type": "string", "value": "[" + ruleID + "]"},
		},
	})}
}

// nativeTypes are the types of columns by those of fields.
var nativeTypes = map[string]string{"keyword": "string", "date": "datetime", "integer": "int", "long": "long", "real": "real"}

// nativeColumns are those of a table that has one for each field of a flat schema,
// and objects as they are.
func nativeColumns(fields []nsgflow.Field) (all []object) {
	seen := map[string]bool{}
	for _, f := range fields {
		name, _, inner := strings.Cut(f.Name, ".")
		if seen[name] {
			continue
		}
		seen[name] = true
		typ := nativeTypes[f.Type]
		if inner {
			typ = "dynamic"
		}
		all = append(all, object{"name": name, "type": typ})
	}
	return all
}

// tableColumns are those of a table: one for each name that an event has at its top.
// Objects are of the type "dynamic". The time is in TimeGenerated, as in each
// table of a workspace.
func tableColumns(fields []nsgflow.Field) []object {
	all := []object{{"name": "TimeGenerated", "type": "datetime"}}
	seen := map[string]bool{"@timestamp": true}
	// "log" is an object of the input, or the text of what is no flow log.
	for _, f := range append(fields, nsgflow.Field{Name: "message", Type: "match_only_text"}, nsgflow.Field{Name: "log.file.path"}) {
		name, _, inner := strings.Cut(f.Name, ".")
		if seen[name] {
			continue
		}
		seen[name] = true
		typ := "string"
		if inner || f.List {
			typ = "dynamic"
		}
		all = append(all, object{"name": name, "type": typ})
	}
	return all
}
