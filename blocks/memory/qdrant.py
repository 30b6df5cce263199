"""The same memory on a Qdrant server, which several gateways may share."""

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from qdrant_client import AsyncQdrantClient
from qdrant_client import models as qdrant
from qdrant_client.http.exceptions import ApiException

from blocks.errors import Unavailable
from blocks.memory.engine import (
    DENSE,
    DEPTH,
    FUSION,
    KEYWORDS,
    NUMBERS,
    WORDS,
    Found,
    Point,
    Question,
    Where,
    Words,
)

T = TypeVar("T")


class QdrantEngine:
    """Opened by `open_qdrant`; writes wait until the server has applied and logged them."""

    def __init__(self, client: AsyncQdrantClient, collection: str) -> None:
        self._client = client
        self._collection = collection

    async def put(self, points: Sequence[Point]) -> None:
        await _answered(self._client.upsert(self._collection, [_point(point) for point in points], wait=True))

    async def search(self, where: Where, question: Question) -> list[Found]:
        only = _filter(where)
        rankings = [(_prefetch(leg, only), weight) for leg, weight in _legs(where, question)]
        asked: dict[str, Any] = {"limit": question.limit, "with_payload": True}
        if len(rankings) == 1:
            leg = rankings[0][0]
            asked |= {
                "query": leg.query,
                "using": leg.using,
                "search_params": leg.params,
                "query_filter": only,
            }
        else:
            fusion = qdrant.Rrf(k=FUSION, weights=[weight for _, weight in rankings])
            asked |= {"prefetch": [leg for leg, _ in rankings], "query": qdrant.RrfQuery(rrf=fusion)}
        answer = await _answered(self._client.query_points(self._collection, **asked))
        return [Found(id=str(hit.id), score=hit.score, payload=hit.payload or {}) for hit in answer.points]

    async def remove(self, where: Where) -> int:
        matching = await self.count(where)
        if matching:
            selector = qdrant.FilterSelector(filter=_filter(where))
            await _answered(self._client.delete(self._collection, selector, wait=True))
        return matching

    async def count(self, where: Where) -> int:
        counted = await _answered(self._client.count(self._collection, _filter(where), exact=True))
        return counted.count

    async def tidy(self) -> None:
        """Nothing to do: the server keeps itself in shape."""

    async def close(self) -> None:
        await self._client.close()

    async def prepare(self, size: int) -> None:
        """Make the collection unless it is there."""
        if await _answered(self._client.collection_exists(self._collection)):
            return
        await _answered(
            self._client.create_collection(
                self._collection,
                vectors_config={DENSE: qdrant.VectorParams(size=size, distance=qdrant.Distance.COSINE)},
                sparse_vectors_config={WORDS: qdrant.SparseVectorParams(modifier=qdrant.Modifier.IDF)},
            )
        )
        tenant = qdrant.KeywordIndexParams(type=qdrant.KeywordIndexType.KEYWORD, is_tenant=True)
        await self._index("tenant", tenant)
        for name in KEYWORDS:
            await self._index(name, qdrant.PayloadSchemaType.KEYWORD)
        for name in NUMBERS:
            await self._index(name, qdrant.PayloadSchemaType.FLOAT)

    async def _index(self, name: str, schema: qdrant.KeywordIndexParams | qdrant.PayloadSchemaType) -> None:
        await _answered(self._client.create_payload_index(self._collection, name, schema, wait=True))


async def open_qdrant(url: str, collection: str, size: int) -> QdrantEngine:
    """The engine on the server at `url`; `:memory:` is one in this process that keeps nothing.

    An API key goes into the URL as its password: `https://:KEY@HOST:6333`.
    """
    if url == ":memory:":
        client = AsyncQdrantClient(location=url)
    else:
        parts = urlsplit(url)
        plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        client = AsyncQdrantClient(url=plain, api_key=parts.password, timeout=30)
    engine = QdrantEngine(client, collection)
    await engine.prepare(size)
    return engine


async def _answered(question: Awaitable[T]) -> T:
    try:
        return await question
    except (ApiException, httpx.HTTPError, OSError) as error:
        raise Unavailable(
            f"the Qdrant server did not do what was asked ({type(error).__name__})",
            mend="see whether QDRANT_URL is right and the server runs and has room",
        ) from error


def _point(point: Point) -> qdrant.PointStruct:
    return qdrant.PointStruct(
        id=point.id, vector={DENSE: point.dense, WORDS: _sparse(point.words)}, payload=point.payload
    )


def _sparse(words: Words) -> qdrant.SparseVector:
    return qdrant.SparseVector(indices=words.indices, values=words.values)


def _filter(where: Where) -> qdrant.Filter:
    field, span = qdrant.FieldCondition, qdrant.Range
    must: list[Any] = [field(key=key, match=qdrant.MatchAny(any=list(values))) for key, values in where.equal]
    if where.tenant is not None:
        must.append(field(key="tenant", match=qdrant.MatchValue(value=where.tenant)))
    if where.ids is not None:
        must.append(qdrant.HasIdCondition(has_id=list(where.ids)))
    if where.created_before is not None:
        must.append(field(key="created_at", range=span(lt=where.created_before)))
    if where.expired_at is not None:
        must.append(field(key="expires_at", range=span(lte=where.expired_at)))
    gone = [] if where.alive_at is None else [field(key="expires_at", range=span(lte=where.alive_at))]
    return qdrant.Filter(must=must, must_not=list(gone))


def _legs(where: Where, question: Question) -> list[tuple[dict[str, Any], float]]:
    legs: list[tuple[dict[str, Any], float]] = []
    if question.dense is not None:
        legs.append(({"query": question.dense, "using": DENSE}, question.weights[0]))
    if question.words is not None:
        corpus = qdrant.IdfCorpusParams(corpus=_filter(Where(tenant=where.tenant)))
        params = qdrant.SearchParams(idf=corpus)
        leg = {"query": _sparse(question.words), "using": WORDS, "params": params}
        legs.append((leg, question.weights[1]))
    return legs


def _prefetch(leg: dict[str, Any], only: qdrant.Filter) -> qdrant.Prefetch:
    return qdrant.Prefetch(**leg, filter=only, limit=DEPTH)
