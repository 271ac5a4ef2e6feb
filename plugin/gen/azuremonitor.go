package main

import (
	"strings"

	"fluent-bit-nsgflow/nsgflow"
)

// deployment is a template of Azure Resource Manager for what the Logs Ingestion
// API needs: a table, and a data collection rule with an endpoint of its own.
// The API ignores what the rule does not declare, and says nothing.
func deployment() file {
	columns := tableColumns(nsgflow.SchemaECS.Fields())
	const (
		table  = "AzureFlow_CL"
		stream = "Custom-" + table
		rule   = "[resourceId('Microsoft.Insights/dataCollectionRules', parameters('rule'))]"
	)
	workspace := "[resourceId('Microsoft.OperationalInsights/workspaces', parameters('workspace'))]"
	ofRule := func(property string) object {
		return object{"type": "string", "value": "[reference(" + strings.Trim(rule, "[]") + ", '2023-03-11')." + property + "]"}
	}
	return file{"conf/azure-monitor/template.json", encode(object{
		"$schema":        "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
		"contentVersion": "1.0.0.0",
		"parameters": object{
			"workspace": object{"type": "string", "metadata": object{"description": "Name of the Log Analytics workspace, in this resource group"}},
			"location":  object{"type": "string", "defaultValue": "[resourceGroup().location]", "metadata": object{"description": "Region of the workspace"}},
			"rule":      object{"type": "string", "defaultValue": "azure-flow", "metadata": object{"description": "Name of the data collection rule"}},
		},
		"resources": []object{
			{
				"type": "Microsoft.OperationalInsights/workspaces/tables", "apiVersion": "2022-10-01",
				"name":       "[format('{0}/" + table + "', parameters('workspace'))]",
				"properties": object{"schema": object{"name": table, "columns": columns}},
			},
			{
				"type": "Microsoft.Insights/dataCollectionRules", "apiVersion": "2023-03-11", "kind": "Direct",
				"name":      "[parameters('rule')]",
				"location":  "[parameters('location')]",
				"dependsOn": []string{"[resourceId('Microsoft.OperationalInsights/workspaces/tables', parameters('workspace'), '" + table + "')]"},
				"properties": object{
					"streamDeclarations": object{stream: object{"columns": columns}},
					"destinations":       object{"logAnalytics": []object{{"name": "workspace", "workspaceResourceId": workspace}}},
					"dataFlows": []object{{"streams": []string{stream}, "destinations": []string{"workspace"},
						"transformKql": "source", "outputStream": stream}},
				},
			},
		},
		"outputs": object{
			"AZURE_DCE_URL": ofRule("endpoints.logsIngestion"),
			"AZURE_DCR_ID":  ofRule("immutableId"),
			"rule":          object{"type": "string", "value": rule},
		},
	})}
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
