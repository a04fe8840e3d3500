"""`llmi render`: a document that was written earlier, in another format or place."""

from __future__ import annotations

import click

from llmi_agent.cli.output import Output, print_files
from llmi_agent.cli.parameters import formats_option, verbose_option


@click.command()
@click.argument("document", type=click.Path())
@click.option(
    "--out",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Where to write.  [default: beside the document]",
)
@formats_option
@verbose_option
@click.pass_obj
def render(output: Output, document: str, out: str | None, formats: tuple[str, ...]) -> None:
    """Render a document once more.

    DOCUMENT is the document.json of an earlier run, or the folder that holds it. Its pictures are taken from the folder
    images beside it, else from the store of your runs; one that is in neither is said on stderr and in the document.
    """
    from pathlib import Path

    from llmi_agent.cli.summary import gone_figures
    from llmi_agent.document.render import load_document, write_document
    from llmi_agent.document.render.pictures import AnyOf
    from llmi_agent.store.home import default_store

    output.configure_logs()
    path = Path(document)
    loaded, beside = load_document(path)
    store = default_store()
    pictures = AnyOf(beside, store)
    folder = path if path.is_dir() else path.parent
    warnings = gone_figures(loaded, pictures, f"{folder / 'images'} nor in {store.place}")
    written = write_document(loaded, pictures, Path(out) if out else folder, formats)
    for sentence in warnings:
        output.say(sentence, "missing")
    print_files(written)
