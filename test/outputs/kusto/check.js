// Says what Microsoft's own language service for KQL finds wrong. Arguments: its folder, and the tables as
// JSON: {"name": "(column: type, …)"}. Standard input: an array of queries, as JSON. Output:
// an array of the diagnostics of each.
const path = require("path");
const [folder, schemas] = process.argv.slice(2);
require(path.join(folder, "bridge.min.js"));
require(path.join(folder, "Kusto.Language.Bridge.min.js"));
const { GlobalState, KustoCode, Symbols } = Kusto.Language;

const tables = Object.entries(JSON.parse(schemas)).map(([name, schema]) => Symbols.TableSymbol.From(schema).WithName(name));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("flows", tables));
const queries = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(queries.map(query => {
    const found = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
    return Array.from({ length: found.Count }, (_, i) => found.getItem(i).Message);
})));
