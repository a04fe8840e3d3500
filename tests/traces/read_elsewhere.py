"""Reads exports with what others have, and without LLMI: prints what it counted, which ids and which digests it found.

python read_elsewhere.py FOLDER     a.parquet (pictures inside), a.jsonl, atif.jsonl and atif/*.json are there
"""

import hashlib
import json
import sys
from pathlib import Path


def of_parquet(path):
    import pyarrow.parquet

    metadata = pyarrow.parquet.read_schema(path).metadata
    assert metadata[b"llmi-trace"] == b"1", metadata
    return pyarrow.parquet.read_table(path).to_pylist()


def of_datasets(path, cache):
    import datasets

    datasets.disable_progress_bars()
    loaded = datasets.load_dataset("parquet", data_files=str(path), cache_dir=cache, split="train")
    sizes = {}
    for row in loaded:
        for picture in row["pictures"]:
            image = picture["image"]  # a PIL image: `datasets` knows from the file that it is one
            assert image is None or image.size == (
                picture["width"] or image.width,
                picture["height"] or image.height,
            )
            sizes[picture["digest"]] = None if image is None else list(image.size)
    plain = loaded.cast_column("pictures", undecoded(datasets, loaded.features["pictures"]))
    return list(plain), sizes


def undecoded(datasets, pictures):
    """The same feature, with the bytes as they are."""
    feature = dict(pictures.feature)
    return datasets.List({**feature, "image": datasets.Image(decode=False)})


def of_lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def of_atif(paths):
    from atif import Trajectory

    found = [
        Trajectory.model_validate_json(text)
        for path in paths
        for text in path.read_text("utf-8").splitlines()
    ]
    return {each.trajectory_id: each for each in found}


def digests(row):
    """Of the bytes that are in a row, as they are."""
    found = []
    for picture in row["pictures"]:
        image = picture["image"]
        if image and image["bytes"]:
            assert hashlib.sha256(image["bytes"]).hexdigest() == picture["digest"]
            found.append(picture["digest"])
    return sorted(found)


def ids(row):
    return [
        [c["call"], c["prompt_ids"], c["completion_ids"], c["logprobs"]]
        for c in row["calls"]
        if c["completion_ids"] is not None
    ]


def ids_in(trajectory):
    found = []
    for step in trajectory.steps:
        metrics = step.metrics
        if metrics and metrics.completion_token_ids is not None:
            call = step.extra["llmi"]["call"]
            found.append(
                [call, metrics.prompt_token_ids, metrics.completion_token_ids, metrics.logprobs]
            )
    return found


def results_in(trajectory):
    """How many calls of tools, results and pictures there are."""
    steps = trajectory.steps
    results = [each for step in steps if step.observation for each in step.observation.results]
    parts = [part for each in results if isinstance(each.content, list) for part in each.content]
    pictures = [Path(part.source.path).stem for part in parts if part.type == "image"]
    return [sum(len(step.tool_calls or ()) for step in steps), len(results), sorted(pictures)]


def without_files(row):
    """What is the same whether files are in it or beside it."""
    return {**row, "pictures": 0, "attachments": 0, "markdown": 0}


def main(folder):
    loaded = sorted(name for name in sys.modules if name.startswith("llmi"))
    assert not loaded, loaded
    table = of_parquet(folder / "a.parquet")
    shown, sizes = of_datasets(folder / "a.parquet", str(folder / "cache"))
    lines = of_lines(folder / "a.jsonl")
    atif = of_atif([folder / "atif.jsonl"])
    apart = of_atif(sorted((folder / "atif").glob("*.json")))
    assert (
        [row["episode"] for row in table]
        == [row["episode"] for row in shown]
        == [row["episode"] for row in lines]
    )
    assert {row["episode"] for row in table} == set(atif) == set(apart)
    for one, two, three in zip(table, shown, lines, strict=True):
        assert digests(one) == digests(two)
        assert ids(one) == ids(two) == ids(three) == ids_in(atif[one["episode"]]), one["episode"]
        assert without_files(one) == without_files(two) == without_files(three)
    print(
        json.dumps(
            {
                "episodes": [row["episode"] for row in table],
                "records": sum(len(row["records"]) for row in table),
                "ids": {row["episode"]: ids(row) for row in table},
                "digests": {row["episode"]: digests(row) for row in table},
                "shown": sizes,
                "tools": {episode: results_in(each) for episode, each in atif.items()},
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
