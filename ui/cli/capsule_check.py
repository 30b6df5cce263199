"""Checking a capsule's folder without running its code."""

import ast
from pathlib import Path

from typing_extensions import TypeIs

from capsules.agent.wording import wording_problems
from capsules.manifest import Manifest, ManifestInvalid, read_manifest


def problems_of(file: Path) -> list[str]:
    """Each problem of the capsule whose manifest is `file`, as `place:line: what is wrong, and the mend`."""
    try:
        manifest = read_manifest(file)
    except ManifestInvalid as error:
        return list(error.fields.get("problems") or [error.message])
    if manifest.kind == "Agent":
        found = [f"{file}: {problem}" for problem in wording_problems(manifest, file.parent)]
        return found or _missing_prompts(file, manifest)
    return [*_missing_prompts(file, manifest), *_unfit_code(file.with_name("run.py"), manifest)]


def _missing_prompts(file: Path, manifest: Manifest) -> list[str]:
    folder = file.parent.resolve()
    return [
        f"{file}: prompts.{name}: there is no file {path!r} in this folder; write it or mend the name"
        for name, path in manifest.prompts.items()
        if not (folder / path).resolve().is_relative_to(folder) or not (folder / path).is_file()
    ]


def _unfit_code(file: Path, manifest: Manifest) -> list[str]:
    """What is wrong between the manifest and the function that it speaks of."""
    name = manifest.name.replace("-", "_")
    try:
        tree = ast.parse(file.read_bytes())
    except OSError:
        return [f"{file}: is missing; write the function {name!r} there and decorate it with `@capsule`"]
    except SyntaxError as error:
        return [f"{file}:{error.lineno}: is not Python: {error.msg}"]
    body = next((node for node in tree.body if _is_function(node) and node.name == name), None)
    if body is None:
        return [f"{file}:1: has no function {name!r}; name it as the capsule, with `_` for `-`"]
    problems = []
    if not any(_called(decorator) == "capsule" for decorator in body.decorator_list):
        problems.append(f"{file}:{body.lineno}: {name!r} is not decorated; add `@capsule` above it")
    taken = {argument.arg for argument in (*body.args.posonlyargs, *body.args.args, *body.args.kwonlyargs)}
    problems += [
        f"{file}:{body.lineno}: {name!r} does not take the input {missing!r}; add it as a parameter"
        for missing in sorted(set(manifest.inputs) - taken)
    ]
    problems += [
        f"{file}:{body.lineno}: {name!r} takes {extra!r}; declare it under `inputs` in capsule.yaml"
        for extra in sorted(taken - set(manifest.inputs))
    ]
    return problems


def _is_function(node: ast.stmt) -> TypeIs[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _called(decorator: ast.expr) -> str:
    """The last name of a decorator: `capsule` for `@capsule` and for `@capsules.capsule.capsule`."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
