"""The command line of the benchmark on tables: measure what is not measured yet, show it, write it."""

import os

os.environ.pop("OPENBLAS_CORETYPE", None)  # as in benchmarks/__main__.py

import argparse
from pathlib import Path

from rich.console import Console

from benchmarks import machine
from benchmarks.processes import Failed, Process
from benchmarks.tables.folder import DataTable, FolderError, tables_of
from benchmarks.tables.models import MODELS, code_digest, measure
from benchmarks.tables.results import Result, ResultsFile
from benchmarks.tables.summary import summary

LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What the libraries read, plainnet among them, to know how many threads they may use."""


def names(text: str) -> list[str]:
    """Return the parts of a list with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def arguments() -> argparse.Namespace:
    """Return the command line's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("folder", type=Path, help=".csv and .csv.gz files; index.json names their targets and tasks")
    parser.add_argument("--tables", type=names, metavar="A,B", help="only these")
    parser.add_argument("--models", type=names, metavar="A,B", default=list(MODELS), help=f"of {', '.join(MODELS)}")
    parser.add_argument("--splits", type=int, default=3, metavar="N", help="with the seeds 0 to N - 1 (3)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="for each model (1)")
    parser.add_argument("--most-rows", type=int, metavar="N", help="leave larger tables out")
    parser.add_argument("--output", type=Path, metavar="FILE", help="keep results here as JSON lines, and take them up")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the summary")
    chosen = parser.parse_args()
    if unknown := [name for name in chosen.models if name not in MODELS]:
        parser.error(f"no model {unknown[0]}; there are {', '.join(MODELS)}")
    if chosen.splits < 1 or chosen.threads < 1:
        parser.error("--splits and --threads are numbers from 1 on")
    return chosen


def chosen_tables(chosen: argparse.Namespace) -> list[DataTable]:
    """Return the tables that the command line names."""
    tables = tables_of(chosen.folder)
    known = {table.name for table in tables}
    if unknown := [name for name in chosen.tables or () if name not in known]:
        raise FolderError(f"{chosen.folder} has no table {unknown[0]}; it has {', '.join(sorted(known))}")
    tables = [table for table in tables if not chosen.tables or table.name in chosen.tables]
    return [table for table in tables if not chosen.most_rows or len(table.frame) <= chosen.most_rows]


def measured(
    file: ResultsFile | None, tables: list[DataTable], chosen: argparse.Namespace, console: Console
) -> list[Result]:
    """Return a result for each table, split and model: those of the file, and the others once they are measured."""
    code = code_digest()
    results = []
    for table in tables:
        for split in range(chosen.splits):
            for model in chosen.models:
                key = (
                    table.name,
                    table.digest,
                    split,
                    model,
                    chosen.threads,
                    "" if MODELS[model].is_reference else code,
                )
                result = file.results.get(key) if file else None
                if result is None:
                    result = measure_apart(table, split, model, chosen.threads, console)
                    if file and result:
                        file.add(result)
                results += [result] if result else []
    return results


def measure_apart(table: DataTable, split: int, model: str, threads: int, console: Console) -> Result | None:
    """Return the result of a process of its own; None where it fails, which is told."""
    limits = dict.fromkeys(LIMITS, str(threads))
    with Process(**limits) as process:
        try:
            found = process.ask(
                measure, DataTable(table.path.resolve(), table.target, table.told_task), model, split, threads
            )
        except Failed as failure:
            console.print(f"{table.name}, split {split}, {model}: failed: {failure}")
            return None
    result = Result(
        table=table.name,
        digest=table.digest,
        split=split,
        model=model,
        threads=threads,
        processor=f"{machine.processor()}, {os.cpu_count()} cores",
        **found,
    )
    console.print(f"{table.name}, split {split}, {model}: error {result.error:.4f}, {result.fit_seconds:.1f} s")
    return result


def head(results: list[Result]) -> list[str]:
    """Return what the figures depend on, a line each."""
    versions = {f"{name} {number}" for result in results for name, number in result.versions.items() if name != "code"}
    dates = sorted({result.date for result in results})
    return [
        f"dates: {dates[0]}" + (f" to {dates[-1]}" if len(dates) > 1 else ""),
        f"processor: {'; '.join(sorted({result.processor for result in results}))}",
        f"threads: {results[0].threads} for each model, which runs in a process of its own",
        f"highest load average beside a run: {max(result.load for result in results):.1f}",
        f"versions: {', '.join(sorted(versions, key=str.lower))}",
        "seconds: without imports, with compiling",
    ]


def main() -> None:
    """Measure, show, write."""
    chosen = arguments()
    console = Console(highlight=False, markup=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 150
    for name in [name for name in chosen.models if MODELS[name].missing()]:
        chosen.models.remove(name)
        console.print(f"{name} is left out: {', '.join(MODELS[name].missing())} not installed")
    try:
        tables = chosen_tables(chosen)
        results = measured(ResultsFile(chosen.output) if chosen.output else None, tables, chosen, console)
    except FolderError as error:
        raise SystemExit(f"{error}") from None
    if not results:
        raise SystemExit("Nothing was measured.")
    made = summary(results, chosen.models)
    for line in head(results):
        console.print(line)
    for table in made:
        table.show(console)
    if chosen.markdown:
        lines = [f"- {line}" for line in head(results)]
        chosen.markdown.write_text(
            "\n".join([*lines, "", *(table.markdown() for table in made)]).rstrip() + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
