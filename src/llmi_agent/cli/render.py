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

    DOCUMENT is the document.json of an earlier run, or the folder that holds it.
    """
    from pathlib import Path

    from llmi_agent.document.render import load_document, write_document

    output.configure_logs()
    path = Path(document)
    loaded, pictures = load_document(path)
    beside = path if path.is_dir() else path.parent
    print_files(write_document(loaded, pictures, Path(out) if out else beside, formats))
