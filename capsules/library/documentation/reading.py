from capsules.library.documentation.community import find_community_files
from capsules.library.documentation.docstrings import read_docstrings
from capsules.library.documentation.links import check_links
from capsules.library.documentation.readme import Readme, read_readme, readme_rank
from capsules.library.documentation.report import Reading
from capsules.repository.checkout import Checkout, SourceFile
from capsules.repository.languages import kind_of
from capsules.repository.roles import role_of

_LARGEST = 400_000


def read_documentation(checkout: Checkout, seconds: float) -> Reading:
    """Read README, pages and docstrings; each of the two long parts may take half of the time."""
    paths, readmes, other = [], list[tuple[int, SourceFile]](), 0
    for file in checkout.files():
        paths.append(file.path)
        rank = readme_rank(file.path)
        if rank is not None and not file.binary:
            readmes.append((rank, file))
        prose = kind_of(file.language) == "prose" and role_of(file.path) in {"source", "example"}
        other += prose and file.language in {"reStructuredText", "AsciiDoc", "Org"}
    return Reading(
        readme=_best_readme(checkout, readmes),
        community=find_community_files(paths),
        docstrings=read_docstrings(checkout, seconds / 2),
        links=check_links(checkout, seconds / 2),
        files=len(paths),
        documented_elsewhere=other,
    )


def _best_readme(checkout: Checkout, candidates: list[tuple[int, SourceFile]]) -> Readme | None:
    """The one nearest to the root; among equals the Markdown one."""
    for _, file in sorted(
        candidates, key=lambda entry: (entry[0], entry[1].language != "Markdown", entry[1].path)
    ):
        content = checkout.read(file.raw, _LARGEST)
        readme = read_readme(file.path, content) if content is not None else None
        if readme:
            return readme
    return None
