"""The options of the commands that say how a table is read, and the lists of names among them."""

from pathlib import Path

import pytest
from shared import SMALL

from plainnet.cli import options, run
from plainnet.errors import InvalidValue
from plainnet.tabular import ReadOptions


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (None, []),
        ("", []),
        ("a,b", ["a", "b"]),
        (["a , b", "c"], ["a", "b", "c"]),
        (['"income, total",x'], ["income, total", "x"]),
        (['x, "income, total"'], ["x", "income, total"]),
        (['"a ""b"" c"'], ['a "b" c']),
        (['5" nail'], ['5" nail']),
        (["cafe\u0301"], ["caf\u00e9"]),
    ],
)
def test_lists_of_names(given: str | list[str] | None, names: list[str]) -> None:
    assert options.names(given) == names


@pytest.mark.parametrize(
    ("given", "classes", "weights"),
    [
        (None, ["a", "b"], None),
        (["balanced"], ["a", "b"], "balanced"),
        (["a=5"], ["a", "b"], {0: 5.0, 1: 1.0}),
        (["a=5", "b=2"], ["a", "b"], {0: 5.0, 1: 2.0}),
        (['"very good, indeed"=3,x=y=2'], ["very good, indeed", "x=y"], {0: 3.0, 1: 2.0}),
        (["True=5"], ["false", "true"], {0: 1.0, 1: 5.0}),
    ],
)
def test_class_weights(given: list[str] | None, classes: list[str], weights: object) -> None:
    assert options.class_weights(given, classes) == weights


@pytest.mark.parametrize("given", [["a=5,a=3"], ["c=1"], ["a=much"], ["YES=1"], ["balanced", "a=1"]])
def test_class_weights_that_are_refused(given: list[str]) -> None:
    with pytest.raises(InvalidValue, match="class-weight"):
        options.class_weights(given, ["a", "Yes", "yes"])


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        (["zip=category", "day=date"], {"zip": "category", "day": "date"}),
        (["price, net=Number"], {"price, net": "number"}),
        (['"price, net"=number'], {"price, net": "number"}),
        (["a=b=ignore", " x = boolean"], {"a=b": "ignore", "x": "boolean"}),
    ],
)
def test_kinds_of_columns(given: list[str], kinds: dict[str, str]) -> None:
    assert options.kinds_of_columns(given) == kinds


@pytest.mark.parametrize("given", [["zip"], ["=number"], ["zip=text"], ["zip=number", "zip=category"]])
def test_kinds_of_columns_that_are_refused(given: list[str]) -> None:
    with pytest.raises(InvalidValue, match="--column"):
        options.kinds_of_columns(given)


def test_short_forms_and_kinds_are_one_list() -> None:
    made = ReadOptions(columns={"a": "number", "b": "date"}, categories=["c"], numbers=["d"])  # type: ignore[arg-type]
    assert made.columns == {"a": "number", "b": "date", "c": "category", "d": "number"}
    assert (made.numbers, made.categories, made.ignored) == (("a", "d"), ("c",), ())
    with pytest.raises(InvalidValue, match="column 'a' is to be a number and in categories"):
        made.with_categories(["a"])
    with pytest.raises(InvalidValue, match="the kind of column 'a' is 'text'"):
        ReadOptions(columns={"a": "text"})  # type: ignore[dict-item]


def test_the_command_line_says_what_columns_are(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    train, model = tmp_path / "train.csv", tmp_path / "model.npz"
    rows = "01002,1,20240403,1,7,a\n02139,2,20240512,no,8,b\n10001,1,20230101,true,9,a\n99,2,20240101,0,10,a\n"
    train.write_text('zip,"size, EU",day,member,id,y\n' + rows * 5)
    command = [*f"train {train} --target y --epochs 1 --no-progress --save {model}".split(), *SMALL]
    kinds = ["zip=number", '"size, EU"=category', "day=date", "member=boolean", "id=ignore"]
    assert run([*command, *(word for kind in kinds for word in ("--column", kind))]) == 0
    out = " ".join(capfd.readouterr().out.split())
    assert "numbers: zip categories: size, EU (2) dates as 20240403: day true or false: member" in out
    (tmp_path / "new.csv").write_text('zip,"size, EU",day,member\n5,1,20240501,YES\n')
    assert run(["predict", str(model), str(tmp_path / "new.csv")]) == 0
    capfd.readouterr()
    (tmp_path / "new.csv").write_text('zip,"size, EU",day,member\n5,1,20241301,YES\n')
    assert run(["predict", str(model), str(tmp_path / "new.csv")]) == 2
    assert "line 2: column 'day' holds '20241301', where training had dates as 20240403" in capfd.readouterr().err
    for kind, message in (
        ("y=ignore", "ignore names 'y', which is the target"),
        ("zipp=number", "numbers names 'zipp', which is no column"),
        ("id=date", "line 2: column 'id' holds '7', which is no date"),
        ("day=boolean", "line 2: column 'day' holds '20240403', which is neither true nor false"),
    ):
        assert run([*command, "--column", kind]) == 2
        assert message in capfd.readouterr().err


def test_options_not_given_stay_as_the_model_has_them() -> None:
    known = ReadOptions(missing=("-",), categories=("c",))
    assert options.read_options(None, None, options=known) == known
    assert options.read_options([""], "tab", options=known) == ReadOptions(
        missing=(), separator="\t", categories=("c",)
    )
    assert options.read_options(None, "space").separator == " "


def test_a_model_is_trained_and_used_with_the_same_markers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    train, model, new = tmp_path / "train.csv", tmp_path / "model.npz", tmp_path / "new.csv"
    train.write_text('"income, total";x;y\n' + "1;0.5;a\n-;0.1;b\n3;0.2;a\n4;0.7;b\n" * 5)
    new.write_text('x|"income, total"\n0.5|-\n0.1|n/a\n')
    command = [*f"train {train} --target y --missing - --epochs 1 --no-progress --save {model}".split(), *SMALL]
    assert run(command) == 0
    assert run(["predict", str(model), str(new)]) == 2
    assert "new.csv, line 3: column 'income, total' holds 'n/a'" in capfd.readouterr().err
    assert run(["predict", str(model), str(new), "--missing", "-", "--missing", "n/a"]) == 0
    assert capfd.readouterr().out.count("\n") == 3
    assert run(["predict", str(model), str(new), "--separator", ";"]) == 2
    assert "new.csv, line 1: a quotation mark is out of place" in capfd.readouterr().err


def test_a_column_whose_name_holds_a_comma_is_left_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    train = tmp_path / "train.csv"
    train.write_text('"income, total",x,z,y\n' + "1,0.5,1,a\n2,0.1,3,b\n3,0.2,2,a\n4,0.7,5,b\n" * 5)
    command = [*f"train {train} --target y --epochs 1 --no-progress".split(), *SMALL]
    assert run([*command, "--ignore", '"income, total"', "--ignore", "z"]) == 0
    assert "1 input column " in capfd.readouterr().out
    assert run([*command, "--ignore", "income, total"]) == 2
    assert "a name with a comma stands in quotation marks" in capfd.readouterr().err
    assert run([*command, "--ignore", "y"]) == 2
    assert "ignore names 'y', which is the target" in capfd.readouterr().err


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_show_tells_how_the_columns_of_a_table_are_read(
    width: int, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    path = tmp_path / "shop.csv"
    path.write_text(
        ";zip;price;day;open;staff;same\n"
        + "".join(f"{i};0{i}1;{i},5;2024-04-0{1 + i % 9};{'yn'[i % 2]};{i if i % 7 else '-'};x\n" for i in range(30))
    )
    assert run(["show", str(path), "--target", "open", "--ignore", "price"]) == 0
    out, err = capfd.readouterr()
    assert "the first column has no name" in err
    assert "is read as" not in err  # the table says it
    assert all(len(line) <= width for line in out.splitlines())
    words = " ".join(out.split())
    assert "shop.csv: 30 rows, 7 columns; open is the target, of classes" in words
    assert "column 1 left out" in words
    assert "zip left out 30 ·" in words
    assert "day date 9 ·" in words
    assert "staff number 25 5" in words
    assert "leading zeros: --numbers zip; it looks like an identifier" in words
    assert "'-' counts as missing: --categories staff" in words
    assert "dates: --categories day" in words
    assert "it is 'x' in every row" in words
    assert ("1 … 29" in words) == (width >= 80)


def test_show_takes_the_options_of_reading_and_models_as_well(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("zip,day,y\n" + "01002,20240403,a\n10001,20240404,b\n" * 5)
    assert run(["show", str(path), "--column", "zip=number", "--column", "day=date"]) == 0
    out = " ".join(capfd.readouterr().out.split())
    assert "zip number 2 · 1002 … 10001" in out
    assert "day date 2 · 2024-04-03 … 2024-04-04" in out
    assert run(["show", str(path), "--target", "yy"]) == 2
    assert "target is 'yy', which is no column" in capfd.readouterr().err
    assert run(["show", str(tmp_path / "none.npz")]) == 2
    assert "none.npz" in capfd.readouterr().err
