"""How a procedure ends: with values, or with an error in plain words and the right PDB status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp, GLib, GObject

from scumble_editor.privacy import without_private
from scumble_editor.words import BUG, explain
from scumble_wire.errors import ScumbleError

from .errors import WrongArgument
from .session import Stopped, Told
from .texts import _


def success(procedure: Any, **values: Any) -> Any:
    """values: return values by name, with _ for -."""
    answer = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
    declared = {spec.name: (place, spec) for place, spec in enumerate(procedure.get_return_values(), 1)}
    for name, value in values.items():
        place, spec = declared[name.replace("_", "-")]
        answer.remove(place)
        # Of the declared type, not the value's own: a text layer that became pixels is a plain layer for the caller,
        # who could not take it as a Gimp.TextLayer and would find None.
        answer.insert(place, GObject.Value(spec.value_type, value))
    return answer


def cancelled(procedure: Any) -> Any:
    return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)


def failure(procedure: Any, error: BaseException) -> Any:
    """The status for an error; its text appears in GIMP's message area, or goes to the calling script."""
    if isinstance(error, Stopped) or getattr(error, "code", "") == "cancelled":
        return cancelled(procedure)
    wrong = isinstance(error, (WrongArgument, ValueError))
    status = Gimp.PDBStatusType.CALLING_ERROR if wrong else Gimp.PDBStatusType.EXECUTION_ERROR
    if isinstance(error, Told):
        text = error.problem.text
        if error.problem.code == BUG:  # no bar with a diagnosis stands beside it
            text += "\n" + without_private(error.problem.detail)
    else:
        text = explain(error).text if isinstance(error, ScumbleError) else str(error)
    return procedure.new_return_values(status, GLib.Error.new_literal(Gimp.PlugIn.error_quark(), text, 0))


def guarded(procedure: Any, work: Callable[[], Any]) -> Any:
    """Run a procedure's work and answer for it. Only errors that have words are answered; others are our mistakes and
    end the process with a traceback, which GIMP shows as a crashed plug-in."""
    try:
        return work()
    except (ScumbleError, ValueError) as error:
        return failure(procedure, error)
    except MemoryError:
        told = ScumbleError(
            _("There is not enough memory for this layer. Nothing was changed."),
            remedy=_("Close other images, or select a part of the layer."),
        )
        return failure(procedure, told)
