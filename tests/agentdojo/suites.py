"""The suites as they are replayed: environments with the attacker's text in them, and calls."""

import pickle
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from inspect import Parameter

import pydantic.networks
import yaml
from agentdojo.attacks.important_instructions_attacks import ImportantInstructionsAttack
from agentdojo.functions_runtime import FunctionsRuntime
from agentdojo.task_suite.load_suites import get_suites
from agentdojo.task_suite.task_suite import read_suite_file
from written_calls import WRITTEN

from blocks.provenance.leaves import leaves

VERSION = "v1.2.2"
NAMES = ("workspace", "banking")


@dataclass
class Victim:
    """The attack addresses the model by its name; that is all it asks of a pipeline."""

    name: str = "gpt-4o-2024-05-13"


class Attack(ImportantInstructionsAttack):
    """The benchmark's default attack, told which vectors a task reads."""

    def __init__(self, suite):
        super().__init__(suite.suite, Victim())
        self._suite = suite

    def get_injection_candidates(self, user_task):
        return self._suite.vectors(user_task)


class Suite:
    """One suite of the benchmark."""

    def __init__(self, name):
        self.name = name
        self.suite = get_suites(VERSION)[name]
        self.tools = [tool.name for tool in self.suite.tools]
        self.defaults = self.suite.get_injection_vector_defaults()
        self._runtime = FunctionsRuntime(self.suite.tools)
        self._attack = Attack(self)
        self._vectors = {}

    @cached_property
    def _marked(self):
        """The environment's data with a mark in the place of every injection vector."""
        text = read_suite_file(self.name, "environment.yaml", None)
        marked = text.format(**{vector: _mark(vector) for vector in self.defaults})
        return yaml.load(marked, yaml.CSafeLoader)  # safe, and quicker than the benchmark's own reading

    def environment(self, task, injections):
        """The environment before the task with these texts in the vectors, pickled."""
        values = {_mark(vector): text for vector, text in (self.defaults | injections).items()}
        data = _filled(self._marked, values)
        return pickle.dumps(task.init_environment(self.suite.environment_type.model_validate(data)))

    def vectors(self, task):
        """The vectors that the task reads when it is done as it should be."""
        if task.ID not in self._vectors:
            marks = {vector: _mark(vector) for vector in self.defaults}
            environment = pickle.loads(self.environment(task, marks))
            results = [
                self.run(environment, call.function, call.args) for call in task.ground_truth(environment)
            ]
            self._vectors[task.ID] = [
                vector for vector, mark in marks.items() if any(shows(result, [mark]) for result in results)
            ]
        return self._vectors[task.ID]

    def injections(self, task, injection):
        """The benchmark's default attack, in every vector that the task reads."""
        return self._attack.attack(task, injection)

    def parameters(self, function):
        """The parameters of a tool with their defaults."""
        for name, field in self._runtime.functions[function].parameters.model_fields.items():
            yield name, Parameter.empty if field.is_required() else field.default

    def run(self, environment, function, arguments):
        """What the tool gives, really executed; an error's text where it fails."""
        result, error = self._runtime.run_function(environment, function, dict(arguments))
        return error or result


@cache
def suite_of(name):
    """The suite of this name; reading one takes a second."""
    return Suite(name)


def calls_of(injection, environment):
    """The calls that reach the attack's goal: the benchmark's, or ours where it has none."""
    return injection.ground_truth(environment) or WRITTEN[injection.ID](environment)


def shows(result, texts):
    """Whether the result holds one of these texts."""
    found = [leaf.value for leaf in leaves(result, 100_000) if isinstance(leaf.value, str)]
    return any(text in value for text in texts for value in found)


def _mark(vector):
    return f"<<{vector}>>"


def _filled(data, values):
    if isinstance(data, dict):
        return {key: _filled(value, values) for key, value in data.items()}
    if isinstance(data, list):
        return [_filled(value, values) for value in data]
    if isinstance(data, str) and "<<" in data:
        for mark, text in values.items():
            data = data.replace(mark, text)
    return data


# the suites' addresses are checked anew whenever an environment is made; the answers stay the same
pydantic.networks.validate_email = lru_cache(maxsize=None)(pydantic.networks.validate_email)
