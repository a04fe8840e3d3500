"""From an order to its files: the prompts, the pictures that go along, and the card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmi_agent.base.errors import InputError
from llmi_agent.run.purse import Purse
from llmi_agent.runner.failures import culprit
from llmi_agent.traces.exchange.whole import write_whole
from llmi_train.prompts.files import keep
from llmi_train.prompts.make import kept as keeping
from llmi_train.prompts.make.asking import Asking, DownError, Source
from llmi_train.prompts.make.card import Card, Voice, card_in_markdown, in_order, shares
from llmi_train.prompts.make.drawing import drawn
from llmi_train.prompts.make.kept import Heading, Kept, Spending
from llmi_train.prompts.make.making import Maker
from llmi_train.prompts.make.order import Models, Order
from llmi_train.prompts.make.plan import Item, plan
from llmi_train.prompts.make.questions import WORDING
from llmi_train.prompts.make.workshop import Made, Workshop
from llmi_train.prompts.prompt import TrainingPrompt
from llmi_train.prompts.splits import divide
from llmi_train.prompts.text import digest_of
from llmi_train.prompts.writing import write

_PATIENCE = 20
"""Questions in a row without an answer, at least, before a model counts as down."""

Tell = Callable[[int, int, Spending], None]
"""Is told how many were made, how many requests were not taken, and what was spent, each so far."""


@dataclass(frozen=True)
class _Work:
    """All that takes part, while the file of answers is open."""

    order: Order
    models: Models
    items: Sequence[Item]
    asking: Asking
    maker: Maker
    shop: Workshop


async def produce(order: Order, models: Models, tell: Tell, purse: Purse | None = None) -> Card:
    """Make what is not made yet, and write all of it; returns its card.

    purse: the budget of both models.

    Raises InputError if the files belong to something else, or another process writes to them; DownError, when what is
    there is written, if a model has fallen silent; other LlmiErrors if nothing can be asked, or kept.
    """
    items = plan(order.mix, order.n, order.seed)
    if order.out.exists() and not order.answers.exists():
        raise InputError(
            f"{order.out} is there already, without {order.answers}, by which it would be gone on with; choose another --out"
        )
    with keeping.opened(order.answers, _heading(order, models)) as kept:
        if purse:
            purse.hold("before", kept.spent.usd)
        work = _work(order, models, items, kept, purse, tell)
        down = await _made(work)
        if down or (work.shop.missing and not work.shop.spent):
            kept.end_round()
        card = _written(work, down)
        if down:
            raise down
        return card


def _work(
    order: Order, models: Models, items: Sequence[Item], kept: Kept, purse: Purse | None, tell: Tell
) -> _Work:
    asking = Asking(
        Source("write", models.writer, order.deadline),
        Source("check", models.checker, order.deadline),
        kept,
        seed=order.seed,
        budget=purse is not None,
        patience=max(_PATIENCE, 2 * order.concurrency),
    )
    maker = Maker(order.mix, asking, order.seed)
    faults = maker.faults.rejected

    def told() -> None:
        tell(len(shop.made), faults.total(), kept.spent)

    shop = Workshop(items, maker, order.concurrency, told)
    return _Work(order, models, items, asking, maker, shop)


async def _made(work: _Work) -> DownError | None:
    try:
        await work.shop.make()
    except BaseExceptionGroup as group:
        error = culprit(group)
        if isinstance(error, DownError):
            return error
        raise error from None
    finally:
        work.asking.keep_losses()
    return None


def _heading(order: Order, models: Models) -> Heading:
    return Heading(
        n=order.n,
        model=models.writer.name,
        check_model=models.checker.name,
        seed=order.seed,
        split=order.shares,
        mix=order.mix.digest,
        wording=WORDING,
        manner=models.manner,
    )


def _written(work: _Work, down: DownError | None) -> Card:
    """Write the files; the prompts last, since they name the others."""
    order = work.order
    prompts = divide([*_prompts(order, work.shop.made)], order.split).prompts
    card = _card(work, prompts, down)
    write_whole(order.card(".json"), card.model_dump_json(indent=2).encode() + b"\n")
    write_whole(order.card(".md"), card_in_markdown(card, order.out.name).encode())
    write(prompts, order.out)
    return card


def _prompts(order: Order, made: Sequence[Made]) -> Iterator[TrainingPrompt]:
    for each in made:
        item = each.item
        yield TrainingPrompt(
            each.text,
            item.demand,
            (*_attached(order, item),),
            language=item.language,
            id=digest_of(each.text)[:16],
        )


def _attached(order: Order, item: Item) -> Iterator[Path]:
    if item.picture is not None:
        yield keep(drawn(item.picture), "picture.png", order.files)


def _card(work: _Work, prompts: Sequence[TrainingPrompt], down: DownError | None) -> Card:
    order, shop, sources = work.order, work.shop, work.asking.sources
    made = [each.item for each in shop.made]
    writer, checker = (
        Voice(asked=each.adviser.name, answered=in_order(each.answered))
        for each in (sources["write"], sources["check"])
    )
    return Card(
        wanted=order.n,
        made=len(made),
        **shares(work.items, made),
        topics=in_order(Counter(item.topic for item in made)),
        splits=in_order(Counter(prompt.split for prompt in prompts)),
        attachments=sum(len(prompt.attach) for prompt in prompts),
        rejected=in_order(work.maker.faults.rejected),
        failed_checks=work.maker.faults.checks,
        writer=writer,
        checker=checker,
        same_model=writer.asked == checker.asked,
        seed=order.seed,
        split=order.shares,
        cost=work.asking.kept.spent,
        ended=_ended(work, down),
        mix=order.mix.model_dump(mode="json"),
    )


def _ended(work: _Work, down: DownError | None) -> str:
    """Why it is not all there, and how it goes on."""
    missing = work.order.n - len(work.shop.made)
    if not missing:
        return ""
    if down:
        return f"{missing:,} are missing: {down}."
    if work.shop.spent:
        return (
            f"{missing:,} are missing, since the budget of ${work.order.budget:g} is spent; the same command with a higher "
            "--budget goes on."
        )
    failed = "".join(
        f" The model {each.adviser.name} failed last with: {each.error}."
        for each in work.asking.sources.values()
        if each.error
    )
    return f"{missing:,} are missing, for which no request was taken in all tries; the same command again makes further tries.{failed}"
