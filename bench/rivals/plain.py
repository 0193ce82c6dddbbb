"""Rivals in plain Python and numpy where no library is the usual choice: loopy belief propagation and the exact Jaccard join."""
import collections
import math
import re

import numpy as np


def belief_propagation(model):
    """Sum-product with flooding, the way it is written in numpy for any factor: tables broadcast against messages.

    Messages are normalised, factor-to-variable messages damped in the probability domain (new = (1-d)*new + d*old), start uniform."""
    card, damping = model["card"], model["damping"]
    factors = [(f["vars"], np.array(f["table"]).reshape([card[v] for v in f["vars"]])) for f in model["factors"]]
    to_variable = {(a, v): np.full(card[v], 1 / card[v]) for a, (scope, _) in enumerate(factors) for v in scope}
    touching = collections.defaultdict(list)
    for a, v in to_variable:
        touching[v].append(a)
    # the shape that lines a message up with its axis of the table
    axis = {(a, v): [-1 if u == v else 1 for u in scope] for a, (scope, _) in enumerate(factors) for v in scope}
    others = {(a, v): tuple(i for i, u in enumerate(scope) if u != v) for a, (scope, _) in enumerate(factors) for v in scope}

    def normalised(m):
        total = m.sum()
        return m / total if total > 0 else np.full(len(m), 1 / len(m))

    for _ in range(model["iterations"]):
        to_factor = {}
        for a, v in to_variable:
            m = np.ones(card[v])
            for b in touching[v]:
                if b != a:
                    m = m * to_variable[b, v]
            to_factor[a, v] = normalised(m).reshape(axis[a, v])
        old, to_variable = to_variable, {}
        for a, (scope, table) in enumerate(factors):
            for v in scope:
                product = table
                for u in scope:
                    if u != v:
                        product = product * to_factor[a, u]
                new = normalised(product.sum(axis=others[a, v]))
                to_variable[a, v] = (1 - damping) * new + damping * old[a, v] if damping else new
    marginals = []
    for v in range(len(card)):
        m = np.ones(card[v])
        for a in touching[v]:
            m = m * to_variable[a, v]
        marginals.append(normalised(m).tolist())
    return {"marginals": marginals}


def belief_propagation_batched(model):
    """The same for binary variables, all messages of one kind in one numpy call: factors of equal arity stacked."""
    damping, iterations = model["damping"], model["iterations"]
    arities, variable_of, edge_at = collections.defaultdict(list), [], []
    for f in model["factors"]:
        arities[len(f["vars"])].append(f)
    groups = []
    for k, fs in sorted(arities.items()):
        tables = np.array([np.array(f["table"]).reshape((2,) * k) for f in fs])
        groups.append((k, tables, len(variable_of), len(variable_of) + k * len(fs)))
        variable_of += [v for f in fs for v in f["vars"]]
    edges, variables = len(variable_of), len(model["card"])
    at = [[e for e in range(edges) if variable_of[e] == v] for v in range(variables)]
    widest = max(map(len, at))
    # message number `edges` is all ones: pads the lists of the other edges at the same variable
    other = np.array([[o for o in at[variable_of[e]] if o != e] + [edges] * (widest - len(at[variable_of[e]])) for e in range(edges)])
    every = np.array([at[v] + [edges] * (widest - len(at[v])) for v in range(variables)])
    inbox = np.vstack([np.full((edges, 2), .5), np.ones((1, 2))])
    new = np.empty((edges, 2))
    for _ in range(iterations):
        to_factor = inbox[other].prod(axis=1)
        to_factor /= to_factor.sum(axis=1, keepdims=True)
        for k, tables, start, end in groups:
            out = new[start:end].reshape(-1, k, 2)
            messages = to_factor[start:end].reshape(-1, k, 2)
            for i in range(k):
                product, rest = tables, [j for j in range(k) if j != i]
                for j in rest:
                    product = product * messages[:, j].reshape((-1,) + tuple(2 if a == j else 1 for a in range(k)))
                out[:, i] = product.sum(axis=tuple(j + 1 for j in rest))
        new /= new.sum(axis=1, keepdims=True)
        inbox[:edges] = (1 - damping) * new + damping * inbox[:edges]
    marginals = inbox[every].prod(axis=1)
    return {"marginals": (marginals / marginals.sum(axis=1, keepdims=True)).tolist()}


def jaccard_join(lines, threshold):
    """All pairs of distinct token sets with Jaccard >= threshold, exactly: prefix filter, length filter, count.

    Tokens are ordered rarest first. Two sets of Jaccard >= t share a token within their first |s| - ceil(t|s|) + 1 tokens, so only
    those are indexed and looked up (Bayardo, Ma, Srikant 2007)."""
    sets = list({frozenset(line.split(" ")) for line in lines})
    frequency = collections.Counter(token for s in sets for token in s)
    rank = {token: i for i, (token, _) in enumerate(sorted(frequency.items(), key=lambda kv: (kv[1], kv[0])))}
    ordered = sorted((sorted(rank[token] for token in s) for s in sets), key=len)
    as_sets = [frozenset(s) for s in ordered]
    index, pairs = collections.defaultdict(list), 0
    for i, tokens in enumerate(ordered):
        size = len(tokens)
        shortest = math.ceil(threshold * size - 1e-9)
        candidates = set()
        for token in tokens[:size - shortest + 1]:
            candidates.update(index.get(token, ()))
        # sets come in the order of size, so those that will look this one up are not shorter: a shorter prefix is enough
        for token in tokens[:size - math.ceil(2 * threshold / (1 + threshold) * size - 1e-9) + 1]:
            index[token].append(i)
        mine = as_sets[i]
        for j in candidates:
            other = len(ordered[j])
            if other >= shortest:
                common = len(mine & as_sets[j])
                if common >= threshold * (size + other - common) - 1e-9:
                    pairs += 1
    return {"sets": len(sets), "pairs": pairs}


ALERT_TOKENS, NUMBER = re.compile(r"[\w.:/-]+"), re.compile(r"[\d.]+")


def token_lines(texts):
    """Alert texts as lines of lower-case tokens split by one space, without bare numbers: they change at every evaluation of a rule."""
    return [" ".join(t for t in ALERT_TOKENS.findall(text.lower()) if not NUMBER.fullmatch(t)) for text in texts]
