"""Packages whose names load on first use, so that importing them costs next to nothing."""

import importlib
import sys
import types


class LazyPackage(types.ModuleType):
    """A package with a table `_HOME`, from names to the modules that have them, and maybe `_MODULES`, public modules.

    A name of the table stays what it is when the module of that name is imported: ``eventsim.simulate`` is a function.
    To type checkers, which are told the names apart, a name that is not in the tables is a mistake.
    """

    def __getattr__(self, name: str) -> object:
        own = vars(self)
        if name in own["_HOME"]:
            value = getattr(importlib.import_module(f"{self.__name__}.{own['_HOME'][name]}"), name)
        elif name in own.get("_MODULES", ()):
            value = importlib.import_module(f"{self.__name__}.{name}")
        else:
            from eventsim.errors import did_you_mean

            raise AttributeError(
                f'module "{self.__name__}" has no "{name}".{did_you_mean(name, own["__all__"])}')
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in vars(self)["_HOME"] and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *vars(self)["__all__"]})


def load_on_first_use(package: str) -> None:
    """Make a package that has the tables a `LazyPackage`.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    """
    sys.modules[package].__class__ = LazyPackage
