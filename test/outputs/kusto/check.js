// Says what Microsoft's own language service for KQL finds wrong. Arguments: its folder, the name of a
// table, and the table's schema, "(column: type, …)". Standard input: an array of queries, as JSON. Output:
// an array of the diagnostics of each.
const path = require("path");
const [folder, name, schema] = process.argv.slice(2);
require(path.join(folder, "bridge.min.js"));
require(path.join(folder, "Kusto.Language.Bridge.min.js"));
const { GlobalState, KustoCode, Symbols } = Kusto.Language;

const table = Symbols.TableSymbol.From(schema).WithName(name);
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("flows", [table]));
const queries = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(queries.map(query => {
    const found = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
    return Array.from({ length: found.Count }, (_, i) => found.getItem(i).Message);
})));
