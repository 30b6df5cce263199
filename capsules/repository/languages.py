"""Which language a file is written in, told by its name alone: cheap, and the same everywhere."""

from typing import Literal

Kind = Literal["code", "prose", "data"]

_CODE = {
    "Ada": "adb ads",
    "Assembly": "asm s",
    "Batch": "bat cmd",
    "C": "c h",
    "C#": "cs",
    "C++": "cc cpp cxx c++ hh hpp hxx h++ ipp",
    "CMake": "cmake",
    "CSS": "css",
    "CUDA": "cu cuh",
    "Clojure": "clj cljs cljc",
    "CoffeeScript": "coffee",
    "Cython": "pyx pxd pxi",
    "D": "d",
    "Dart": "dart",
    "Elixir": "ex exs",
    "Elm": "elm",
    "Emacs Lisp": "el",
    "Erlang": "erl hrl",
    "F#": "fs fsi fsx",
    "Fortran": "f f77 f90 f95 f03 f08 for",
    "GLSL": "glsl vert frag",
    "GraphQL": "graphql gql",
    "Go": "go",
    "Groovy": "groovy gradle",
    "HCL": "tf tfvars hcl",
    "HTML": "html htm xhtml",
    "Haskell": "hs lhs",
    "Java": "java",
    "JavaScript": "js jsx mjs cjs",
    "Jinja": "j2 jinja jinja2",
    "Julia": "jl",
    "Kotlin": "kt kts",
    "Less": "less",
    "Lisp": "lisp lsp cl",
    "Lua": "lua",
    "Makefile": "mk mak",
    "Nim": "nim",
    "Nix": "nix",
    "OCaml": "ml mli",
    "Objective-C": "m mm",
    "PHP": "php phtml",
    "Pascal": "pas dpr",
    "Perl": "pl pm t",
    "PowerShell": "ps1 psm1 psd1",
    "Protocol Buffers": "proto",
    "Python": "py pyi pyw",
    "R": "r",
    "Ruby": "rb rake gemspec",
    "Rust": "rs",
    "SCSS": "scss sass",
    "SQL": "sql",
    "Scala": "scala sc",
    "Scheme": "scm ss rkt",
    "Shell": "sh bash zsh fish ksh bats",
    "Solidity": "sol",
    "Starlark": "bzl star",
    "Svelte": "svelte",
    "Swift": "swift",
    "Tcl": "tcl",
    "TypeScript": "ts tsx mts cts",
    "VHDL": "vhd vhdl",
    "Verilog": "v sv svh",
    "Vim script": "vim",
    "Visual Basic": "vb vbs",
    "Vue": "vue",
    "Zig": "zig",
}
_PROSE = {
    "AsciiDoc": "adoc asciidoc",
    "Markdown": "md markdown mdx mkd",
    "Org": "org",
    "Plain text": "txt",
    "TeX": "tex bib sty cls",
    "reStructuredText": "rst rest",
}
_DATA = {
    "CSV": "csv tsv",
    "INI": "ini cfg conf properties editorconfig",
    "JSON": "json json5 jsonc jsonl geojson webmanifest",
    "Jupyter Notebook": "ipynb",
    "SVG": "svg",
    "TOML": "toml",
    "Translation": "po pot",
    "XML": "xml xsd xsl xslt plist",
    "YAML": "yaml yml",
}
_NAMES = {
    "build": "Starlark",
    "build.bazel": "Starlark",
    "cmakelists.txt": "CMake",
    "containerfile": "Dockerfile",
    "dockerfile": "Dockerfile",
    "gemfile": "Ruby",
    "gnumakefile": "Makefile",
    "jenkinsfile": "Groovy",
    "justfile": "Just",
    "makefile": "Makefile",
    "meson.build": "Meson",
    "rakefile": "Ruby",
    "sconstruct": "Python",
    "vagrantfile": "Ruby",
    "workspace": "Starlark",
}


def _by_extension(*tables: dict[str, str]) -> dict[str, str]:
    return {end: language for table in tables for language, ends in table.items() for end in ends.split()}


_EXTENSIONS = _by_extension(_CODE, _PROSE, _DATA)


def language_of(path: str) -> str | None:
    """The language that the name of a file speaks for, or None."""
    name = path.rpartition("/")[2].lower()
    if name in _NAMES:
        return _NAMES[name]
    if name.startswith(("dockerfile.", "makefile.")):
        return _NAMES[name.partition(".")[0]]
    return _EXTENSIONS.get(name.rpartition(".")[2]) if "." in name else None


def kind_of(language: str | None) -> Kind:
    """Whether a language is for programs, for prose, or for data."""
    if language in _PROSE:
        return "prose"
    return "data" if language is None or language in _DATA else "code"
