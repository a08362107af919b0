"""The form of a plan of splits, read: what it says becomes values that datasets.services.set_plan takes."""

from typing import Any

from django import forms
from django.http import QueryDict

from datasets.models import Balance, Grouping
from scenes.errors import RefusedError
from scenes.models import Ontology


class PlanForm(forms.Form):
    """The whole plan; a box that is not ticked says no."""

    train_percent = forms.IntegerField(label="Training", min_value=0, max_value=100)
    val_percent = forms.IntegerField(label="Validation", min_value=0, max_value=100)
    test_percent = forms.IntegerField(label="Test", min_value=0, max_value=100)
    balance = forms.ChoiceField(choices=Balance.choices)
    seed = forms.IntegerField(min_value=0, max_value=2**63 - 1)
    grouping = forms.ChoiceField(choices=Grouping.choices)
    cell_metres = forms.IntegerField(label="Cell", min_value=10, max_value=1_000_000, required=False)
    stratify_tags = forms.BooleanField(required=False)
    stratify_classes = forms.BooleanField(required=False)
    keep_previous = forms.BooleanField(required=False)
    ontology = forms.ModelChoiceField(Ontology.objects.all(), required=False)


def wishes(given: QueryDict) -> dict[str, Any]:
    """The plan that the form says. Raises RefusedError with the fields that can't be read."""
    form = PlanForm(given)
    if not form.is_valid():
        told = "; ".join(f"{form[name].label}: {' '.join(map(str, said))}" for name, said in form.errors.items())
        raise RefusedError(told)
    plan = dict(form.cleaned_data)
    if plan["cell_metres"] is None:
        del plan["cell_metres"]
    return plan
