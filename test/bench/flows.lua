-- The mapping of schema sekoia for dense NSG flow logs, version 2, written for
-- LuaJIT as a filter of Fluent Bit: a record in, its events out, in one call.
-- What the events of a rule share is built once and shared by reference.
-- A filter in Lua gives all events of a record one record time.

local match, find, gmatch, date = string.match, string.find, string.gmatch, os.date
local tonumber = tonumber

local network = {"network"}
local types = {A = {"allowed"}, D = {"denied"}}
local actions = {A = "accept", D = "reject"}
local states = {B = "begin", C = "continue", E = "end"}
local directions = {I = "inbound", O = "outbound"}
local transports = {T = "tcp", U = "udp"}

-- network by protocol and direction: few, and constant
local networks = {}
for letter, transport in pairs(transports) do
    networks[letter] = {}
    for side, direction in pairs(directions) do
        networks[letter][side] = {transport = transport, direction = direction}
    end
end

local minute, prefix

local function timestamp(seconds)
    local second = seconds % 60
    if seconds - second ~= minute then
        minute = seconds - second
        prefix = date("!%Y-%m-%dT%H:%M:", minute)
    end
    return prefix .. (second < 10 and "0" or "") .. second .. ".000Z"
end

-- What events of one rule and record share, by decision and by state.
local function constants(rule, record)
    local operation = record.operationName
    local shared = {rule = {name = rule}, host = {name = record.resourceId}, event = {}, action = {}, message = {}}
    for letter, action in pairs(actions) do
        shared.event[letter] = {kind = "event", category = network, code = operation, action = action, type = types[letter]}
        shared.action[letter] = {}
        for state, word in pairs(states) do
            shared.action[letter][state] = {type = rule, target = "network-traffic", name = action,
                properties = {{OperationName = operation, FlowState = word, Version = record.version}}}
        end
    end
    local head = '{"time":"' .. record.time .. '","macAddress":"' .. record.macAddress .. '","resourceId":"' ..
        record.resourceId .. '","operationName":"' .. operation .. '","version":"' .. record.version ..
        '","rule":"' .. rule .. '",'
    for state, word in pairs(states) do
        shared.message[state] = head .. '"flow_state":"' .. word .. '","flow.0":"'
    end
    return shared
end

local columns = "^(%d+),([^,]*),([^,]*),(%d+),(%d+),(%a),(%a),(%a),(%a),(%d*),(%d*),(%d*),(%d*)$"

local function event(tuple, shared, mac)
    local time, from, to, from_port, to_port, protocol, side, decision, state, packets, bytes, packets_back, bytes_back =
        match(tuple, columns)
    return {
        message = original and shared.message[state] .. tuple .. '"}' or nil,
        ["@timestamp"] = timestamp(tonumber(time)),
        event = shared.event[decision],
        rule = shared.rule,
        action = shared.action[decision][state],
        host = shared.host,
        network = networks[protocol][side],
        source = {ip = from, address = from, port = tonumber(from_port),
            packets = tonumber(packets), bytes = tonumber(bytes), mac = mac},
        destination = {ip = to, address = to, port = tonumber(to_port),
            packets = tonumber(packets_back), bytes = tonumber(bytes_back)},
        related = {ip = from == to and {from} or {from, to}},
    }
end

-- record: what a JSON parser made of the line
function structured(tag, ts, record)
    local properties = record.properties
    if not properties or not properties.flows then
        return 0, ts, record
    end
    record.version = "" .. properties.Version
    local events, n = {}, 0
    for _, outer in ipairs(properties.flows) do
        local shared = constants(outer.rule, record)
        for _, inner in ipairs(outer.flows) do
            for _, tuple in ipairs(inner.flowTuples) do
                n = n + 1
                events[n] = event(tuple, shared, record.macAddress)
            end
        end
    end
    return 2, ts, events
end

-- record.log: the line. There is no JSON in Fluent Bit's Lua, so the text is
-- searched for what Azure writes, which is faster than any parser in Lua.
function text(tag, ts, record)
    local line = record.log
    local _, at = find(line, '"flows":[', 1, true)
    if not at then
        return 0, ts, record
    end
    local fields = {version = match(line, '"Version":(%d+)')}
    for _, key in ipairs({"time", "macAddress", "resourceId", "operationName"}) do
        fields[key] = match(line, '"' .. key .. '":"([^"]*)"')
    end
    local events, n = {}, 0
    for rule, tuples in gmatch(line, '"rule":"([^"]*)".-"flowTuples":%[([^%]]*)%]') do
        local shared = constants(rule, fields)
        for tuple in gmatch(tuples, '"([^"]*)"') do
            n = n + 1
            events[n] = event(tuple, shared, fields.macAddress)
        end
    end
    return 2, ts, events
end
