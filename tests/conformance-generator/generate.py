"""Makes vector files from the public models, or repeats recorded ones. The README has commands."""

import argparse
import importlib
import json
import pathlib
import random
import sys

import draw_neurons
import draw_plastic
import draw_sop

# Per schema: who draws its cases, and the module and function of each peer.
SCHEMAS = {
    "cuba_lif/1": (draw_neurons.lif, {
        "lava-nc": "neurons_lava", "nengo-loihi": "neurons_nengo", "brian2-loihi": "neurons_brian"}),
    "cuba_network/1": (draw_neurons.network, {
        "lava-nc": "neurons_lava", "nengo-loihi": "neurons_nengo", "brian2-loihi": "neurons_brian"}),
    "sop_learning/1": (draw_sop.case, {"lava-nc": "sop"}),
    "sop_learning_statistics/1": (draw_sop.statistics_case, {"lava-nc": "sop"}),
    "rule_parse/1": (draw_sop.string, {"lava-nc": "sop"}),
    "pes_learning/1": (draw_plastic.pes, {"nengo-loihi": "neurons_nengo"}),
    "brian2_plasticity/1": (draw_plastic.case, {"brian2-loihi": "plasticity_brian"}),
    "brian2_plasticity_statistics/1": (
        draw_plastic.statistics_case, {"brian2-loihi": "plasticity_brian"}),
}
VERSIONS = {
    "lava-nc": "0.10.0", "brian2-loihi": "0.5.2 (brian2 2.5.4)", "nengo-loihi": "1.1.0 (nengo 3.2.0)",
}


def here(schema):
    """Modules of the peers that this environment has."""
    found = {}
    for peer, module in SCHEMAS[schema][1].items():
        try:
            found[peer] = importlib.import_module(module)
        except ModuleNotFoundError as missing:
            if missing.name.split(".")[0] not in ("lava", "brian2", "brian2_loihi", "nengo_loihi"):
                raise
    return found


def compute(case, peer, module, number, recorded=False):
    """Adds a peer's entry, and the random numbers that it used; `recorded` uses those of the file."""
    schema, random_numbers = case["schema"], None
    if schema in ("cuba_lif/1", "cuba_network/1"):
        reason = module.why_not(case)
        if reason:
            case["not_expressible"][peer] = reason
            return
        entry = module.run(case)
    elif schema == "sop_learning/1":
        rule = case["rule"]
        targets = [t for t in ("dw", "dd", "dt") if rule[t]]
        case["products"] = {t: module.products(t, rule[t])[0] for t in targets}
        entry, random_numbers = module.run(case, case["rng_seed"])
    elif schema == "pes_learning/1":
        entry, random_numbers = module.pes(case, number, case["random"] if recorded else None)
    elif schema == "brian2_plasticity/1":
        given = case["rounding"] if recorded else None
        entry, case["rounding"] = module.run(case, number, given)
    elif schema == "brian2_plasticity_statistics/1":
        entry = module.statistics(case, number)
    else:
        entry = module.statistics(case)
    if random_numbers is not None:
        case["random"] = random_numbers
    case["expected"][peer] = entry
    case["peers"][peer] = VERSIONS[peer]


def write(folder, case):
    text = json.dumps(case, separators=(",", ":"))
    (folder / f"{case['id']}.json").write_text(text + "\n")


def draw(schema, count, seed, folder):
    rng, peers, number = random.Random(seed), here(schema), 0
    folder.mkdir(parents=True, exist_ok=True)
    if schema == "rule_parse/1":
        entries = [peers["lava-nc"].parse(draw_sop.string(rng)) for _ in range(count)]
        write(folder, {"schema": schema, "id": f"parse{seed}", "group": "rule_parse",
                       "peers": {"lava-nc": VERSIONS["lava-nc"]}, "expected": {"lava-nc": entries}})
        return
    while number < count:
        case = SCHEMAS[schema][0](rng, number)
        case.update(expected={}, peers={})
        if schema.startswith("cuba"):
            case["not_expressible"] = {}
        for peer, module in peers.items():
            try:
                compute(case, peer, module, number)
            except ValueError as error:
                # A case that the peer itself refuses, such as two different u_k.
                print(f"{case['id']}: {peer} refuses it: {error}", file=sys.stderr)
        if case["expected"] or schema.startswith("cuba"):
            write(folder, case)
            number += 1


def add(folder):
    for path in sorted(folder.glob("*.json")):
        case = json.loads(path.read_text())
        peers = here(case["schema"]) if case.get("schema", "").startswith("cuba") else {}
        for number, (peer, module) in enumerate(peers.items()):
            if peer not in case["expected"]:
                compute(case, peer, module, number)
        if peers:
            write(folder, case)


def repeat(paths):
    differing = 0
    for path in paths:
        recorded = json.loads(path.read_text())
        schema = recorded.get("schema", "")
        if schema not in SCHEMAS or "statistics" in schema:
            continue
        for number, (peer, module) in enumerate(here(schema).items()):
            if peer not in recorded["expected"]:
                continue
            wanted = recorded["expected"][peer]
            if schema == "rule_parse/1":
                again = [module.parse(entry["dw"]) for entry in wanted]
                wanted = [{k: v for k, v in entry.items() if k != "quirk"} for entry in wanted]
                parts = {} if again == wanted else {"strings": None}
            else:
                case = {**json.loads(path.read_text()), "expected": {}}
                compute(case, peer, module, number, recorded=True)
                again = case["expected"].get(peer, {})
                keys = [k for k in ("random", "rounding", "products") if k in recorded]
                parts = {k: None for k in wanted if again.get(k) != wanted[k]}
                parts.update({k: None for k in keys if case[k] != recorded[k]})
            differing += bool(parts)
            print(f"{path.name} {peer}: {'differs in ' + ', '.join(parts) if parts else 'the same'}")
    return differing


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("draw", help="random cases of a schema")
    one.add_argument("schema", choices=sorted(SCHEMAS))
    one.add_argument("count", type=int)
    one.add_argument("seed", type=int)
    one.add_argument("folder", type=pathlib.Path)
    one = commands.add_parser("add", help="entries of this environment's peers to cases of neurons")
    one.add_argument("folder", type=pathlib.Path)
    one = commands.add_parser("repeat", help="recorded files once more, beside what they hold")
    one.add_argument("paths", type=pathlib.Path, nargs="+")
    args = parser.parse_args()
    if args.command == "draw":
        draw(args.schema, args.count, args.seed, args.folder)
    elif args.command == "add":
        add(args.folder)
    elif repeat(args.paths):
        sys.exit("some files differ")


if __name__ == "__main__":
    main()
