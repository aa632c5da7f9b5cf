"""What forms look like beyond what widgets bring: one sheet, part of each form.

It lives as long as the form's controls, so it also says what only a live page can know: that the
kernel is busy, that it is gone, and that the record above is the same story told again.
"""

from __future__ import annotations

from exp_jupyter.display.content.palette import COLOURS

_LINE = "var(--jp-border-color1, rgba(138,148,160,.5))"
_FAINT = "rgba(138,148,160,.35)"
_TEXT = "var(--jp-ui-font-color1, inherit)"
_SANS = "system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif"

STYLE = f"""<style>
.exp-form {{ max-width: 100%; font-family: {_SANS}; }}
.exp-form .widget-label, .exp-form .jupyter-widget-label {{ white-space: normal; height: auto;
  line-height: 1.3; }}
.exp-form .exp-card {{ border: 1px solid {_FAINT}; border-left: 3px solid {COLOURS["accent"]};
  border-radius: 4px; padding: 10px 14px; max-width: 720px; box-sizing: border-box;
  overflow: visible; }}
.exp-form .exp-card.exp-notice {{ border-left-color: {COLOURS["notice"]}; }}
.exp-form .exp-card.exp-bad {{ border-left-color: {COLOURS["bad"]}; }}
.exp-form .exp-columns {{ gap: 8px 28px; align-items: flex-start; }}
.exp-form .exp-inputs {{ flex: 1 1 290px; max-width: 420px; }}
.exp-form .exp-answer {{ flex: 2 1 340px; min-width: 0; }}
.exp-form .exp-line {{ display: flex; flex-wrap: wrap; align-items: center; gap: 4px 6px; }}
.exp-form .exp-line pre {{ flex: 0 1 auto; min-width: 0; max-width: 100%; }}
.exp-form .exp-line button {{ font: 12px {_SANS}; color: {_TEXT}; padding: 3px 10px;
  cursor: pointer; background: var(--jp-layout-color2, transparent);
  border: 1px solid {_LINE}; border-radius: 3px; }}
.exp-form .exp-line .exp-insert {{ display: none; }}
body[data-exp-jupyter] .exp-form .exp-line .exp-insert {{ display: inline-block; }}
.exp-form button:focus-visible, .exp-form input:focus-visible, .exp-form select:focus-visible,
.exp-form textarea:focus-visible, .exp-form [tabindex]:focus-visible {{
  outline: 2px solid {COLOURS["accent"]}; outline-offset: 1px; }}
.exp-form.jupyter-widgets-disconnected::before {{ font: 13px {_SANS}; color: {COLOURS["bad"]};
  content: "The kernel of this form has ended: nothing here works any more. Run its cell again.";
}}
.exp-form.jupyter-widgets-disconnected > * {{ opacity: .55; pointer-events: none; }}
@keyframes exp-busy {{ to {{ max-height: 4em; }} }}
.jp-NotebookPanel:has(.jp-Notebook-ExecutionIndicator[data-status="busy"])
  .exp-form:not(.exp-form .exp-form)::after {{ font: 12px {_SANS}; color: {COLOURS["notice"]};
  content: "The kernel is busy; what you do here is done when it is free.";
  max-height: 0; overflow: hidden; animation: exp-busy 0s linear 1s forwards; }}
.jp-OutputArea-child:has(+ .jp-OutputArea-child .exp-recorded:not(.jupyter-widgets-disconnected)) {{
  display: none; }}
</style>"""
