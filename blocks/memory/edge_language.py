"""Points, conditions and questions in the words of Qdrant Edge."""

from typing import Any, cast

import qdrant_edge as qdrant

from blocks.memory.engine import DENSE, DEPTH, FUSION, KEYWORDS, NUMBERS, WORDS, Point, Question, Where, Words

Leg = tuple[qdrant.Query, qdrant.SearchParams | None, float]


def edge_config(size: int) -> qdrant.EdgeConfig:
    return qdrant.EdgeConfig(
        vectors={DENSE: qdrant.EdgeVectorParams(size=size, distance=qdrant.Distance.Cosine)},
        sparse_vectors={WORDS: qdrant.EdgeSparseVectorParams(modifier=qdrant.Modifier.Idf)},
        hnsw_config=qdrant.HnswIndexConfig(16, 100, 10_000, max_indexing_threads=1),
        max_search_threads=1,
    )


def edge_indexes() -> list[qdrant.UpdateOperation]:
    create = qdrant.UpdateOperation.create_field_index
    return [
        create("tenant", qdrant.KeywordIndexParams(is_tenant=True)),
        *(create(name, qdrant.KeywordIndexParams()) for name in KEYWORDS),
        *(create(name, qdrant.FloatIndexParams()) for name in NUMBERS),
    ]


def edge_point(point: Point) -> qdrant.Point:
    return qdrant.Point(point.id, {DENSE: point.dense, WORDS: _sparse(point.words)}, point.payload)


def edge_filter(where: Where) -> qdrant.Filter:
    field, span = qdrant.FieldCondition, qdrant.RangeFloat
    must: list[Any] = [field(key=key, match=qdrant.MatchAny(any=list(values))) for key, values in where.equal]
    if where.tenant is not None:
        must.append(field(key="tenant", match=qdrant.MatchValue(value=where.tenant)))
    if where.ids is not None:
        must.append(qdrant.HasIdCondition(set(where.ids)))
    if where.created_before is not None:
        must.append(field(key="created_at", range=span(lt=where.created_before)))
    if where.expired_at is not None:
        must.append(field(key="expires_at", range=span(lte=where.expired_at)))
    gone = [] if where.alive_at is None else [field(key="expires_at", range=span(lte=where.alive_at))]
    return qdrant.Filter(must=must, must_not=list(gone))


def edge_request(where: Where, question: Question) -> qdrant.QueryRequest:
    only = edge_filter(where)
    legs = _legs(question, where)
    if len(legs) == 1:
        leg, params, _ = legs[0]
        return qdrant.QueryRequest(question.limit, query=leg, params=params, filter=only, with_payload=True)
    rankings = [qdrant.Prefetch(DEPTH, query=query, params=params, filter=only) for query, params, _ in legs]
    fusion = qdrant.Fusion.Rrf(k=FUSION, weights=[weight for _, _, weight in legs])
    # The package's stubs do not say that its fusions are of type Fusion.
    query = cast("qdrant.Fusion", fusion)
    return qdrant.QueryRequest(question.limit, prefetches=rankings, query=query, with_payload=True)


def _legs(question: Question, where: Where) -> list[Leg]:
    legs: list[Leg] = []
    if question.dense is not None:
        legs.append((qdrant.Query.Nearest(question.dense, using=DENSE), None, question.weights[0]))
    if question.words is not None:
        # A word's rarity is counted among the tenant's own memories: others' must not show through.
        corpus = qdrant.IdfParams(corpus=edge_filter(Where(tenant=where.tenant)))
        words = qdrant.Query.Nearest(_sparse(question.words), using=WORDS)
        legs.append((words, qdrant.SearchParams(idf=corpus), question.weights[1]))
    return legs


def _sparse(words: Words) -> qdrant.SparseVector:
    return qdrant.SparseVector(indices=words.indices, values=words.values)
