"""What service tags, networks and threat lists say of addresses: a scan of all
prefixes, written by the text of the documentation alone.

oracle.py TAGS NETWORKS LIST… < addresses

Standard output has a line for each address, in the order of standard input:
service tag, service, region, network, and for each list the prefix that matches,
with tabs between.
"""

import bisect
import collections
import csv
import ipaddress
import json
import sys


def number(text):
    """An address as (version, number); IPv4 in IPv6 is IPv4."""
    a = ipaddress.ip_address(text)
    if a.version == 6 and a.ipv4_mapped:
        a = a.ipv4_mapped
    return a.version, int(a)


def main():
    tags_file, networks_file, *lists = sys.argv[1:]
    addresses = [number(line.strip()) for line in sys.stdin]
    order = sorted(range(len(addresses)), key=lambda i: addresses[i])
    keys = [addresses[i] for i in order]

    def inside(text):
        """The places of the addresses that a prefix has."""
        n = ipaddress.ip_network(text, strict=False)
        first = bisect.bisect_left(keys, (n.version, int(n.network_address)))
        last = bisect.bisect_right(keys, (n.version, int(n.broadcast_address)))
        return n, order[first:last]

    with open(tags_file, encoding="utf-8-sig") as f:
        values = json.load(f)["values"]
    is_cloud = lambda name: name == "AzureCloud" or name.startswith("AzureCloud.")
    behind_dot = lambda name: name.rsplit(".", 1)[1].lower()
    common = collections.defaultdict(collections.Counter)
    for v in values:
        name, region = v["name"], v["properties"]["region"]
        if region and not is_cloud(name) and "." in name:
            common[region][behind_dot(name)] += 1

    def region_of(v):
        name, region = v["name"], v["properties"]["region"]
        if is_cloud(name):
            if "." not in name:
                return ""
            if common[region]:
                most = max(common[region].values())
                return min(t for t, n in common[region].items() if n == most)
            return name.split(".", 1)[1].lower()
        return behind_dot(name) if region and "." in name else ""

    containing = [[] for _ in addresses]
    for i, v in enumerate(values):
        for prefix in v["properties"]["addressPrefixes"]:
            n, places = inside(prefix)
            for place in places:
                containing[place].append((n.prefixlen, i))

    def tags(found):
        if not found:
            return "", "", ""
        services = [(length, values[i]) for length, i in found if not is_cloud(values[i]["name"])]
        clouds = [(length, values[i]) for length, i in found if values[i]["name"].startswith("AzureCloud.")]
        # No address of Microsoft's has two regions; of the made-up ones some do.
        cloud = min(clouds, key=lambda c: (-c[0], c[1]["name"].encode()))[1] if clouds else None
        if services:
            _, v = min(services, key=lambda s: (-s[0], s[1]["properties"]["region"] == "", len(s[1]["properties"]["systemService"]), s[1]["name"].encode()))
            service = v["properties"]["systemService"] or v["name"].split(".")[0]
            return v["name"], service, region_of(v) or (region_of(cloud) if cloud else "")
        if cloud:
            return cloud["name"], "", region_of(cloud)
        return "AzureCloud", "", ""

    def longest(prefixes):
        """For each address, the length and what stands with the longest prefix."""
        best = [(-1, "")] * len(addresses)
        for prefix, what in prefixes:
            n, places = inside(prefix)
            for place in places:
                if n.prefixlen > best[place][0]:
                    best[place] = (n.prefixlen, what(n))
        return [text for _, text in best]

    with open(networks_file, encoding="utf-8-sig", newline="") as f:
        rows = list(csv.DictReader(f))
    networks = longest((row["cidr"], lambda n, row=row: row["name"]) for row in rows)
    matches = []
    for name in lists:
        with open(name, encoding="utf-8") as f:
            lines = [line.split("#")[0].strip() for line in f]
        matches.append(longest((line, str) for line in lines if line))

    for i, found in enumerate(containing):
        print(*tags(found), networks[i], *(m[i] for m in matches), sep="\t")


main()
