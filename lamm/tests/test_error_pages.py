"""Every error has a page in words, and none of them needs the database: no test here asks for it but the last."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.views import defaults

from lamm import errors


def test_a_server_error_is_told_without_user_and_database(rf):
    response = errors.server_error(rf.get("/"))
    assert response.status_code == 500
    assert "Something broke on our side" in response.content.decode()
    assert 'href="/"' in response.content.decode()


@pytest.mark.parametrize(("handler", "status"), [(errors.forbidden, 403), (errors.not_found, 404)])
def test_refusals_name_their_status_and_a_way_back(rf, handler, status):
    response = handler(rf.get("/"), Exception())
    html = response.content.decode()
    assert response.status_code == status
    assert f">{status}<" in html
    assert "To the explorer" in html


def test_a_bad_request_is_told(rf):
    response = defaults.bad_request(rf.get("/"), Exception())
    assert response.status_code == 400
    assert ">400<" in response.content.decode()


def test_the_words_of_a_domain_error_reach_the_page_escaped(rf):
    middleware = errors.DomainErrorMiddleware(lambda request: None)
    response = middleware.process_exception(rf.get("/"), ValidationError("The scene <b> has no frames."))
    assert response.status_code == 400
    assert "The scene &lt;b&gt; has no frames." in response.content.decode()


@pytest.mark.django_db
def test_an_expired_form_says_what_to_do():
    response = Client(enforce_csrf_checks=True).post(reverse("login"), {"username": "x", "password": "y"})
    assert response.status_code == 403
    assert "The form has expired" in response.content.decode()
