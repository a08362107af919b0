"""The whole site's table of contents."""

from csp.decorators import csp_update
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

from lamm import work_steps
from lamm.pages import audit, explorer, jobs, queue, review, scene, tokens, upload
from lamm.versions import VersionView
from scenes import api, views

# The library's page sets styles from its script; nothing else of the site may.
api_docs = csp_update({"style-src": ["'unsafe-inline'"]})(SpectacularSwaggerSplitView.as_view(url_name="schema"))
router = DefaultRouter()
router.register("drives", api.DriveViewSet)
router.register("scenes", api.SceneViewSet)
router.register("assignments", api.AssignmentViewSet, basename="assignment")
router.register("frames", api.FrameViewSet)
router.register("ontologies", api.OntologyViewSet)
router.register("label-sets", api.LabelSetViewSet)
router.register("frame-labels", api.FrameLabelsViewSet)
router.register("bulk-changes", api.BulkChangeViewSet)
router.register("ingest-jobs", api.IngestJobViewSet)
router.register("uploads", api.UploadViewSet)
router.register("uploads/(?P<upload_id>[0-9]{1,18})/files", api.UploadedFileViewSet)

urlpatterns = [
    # Pages
    path("", RedirectView.as_view(pattern_name="explorer"), name="home"),
    path("explorer/", explorer.explorer, name="explorer"),
    path("scenes/<int:scene_id>/", scene.scene, name="scene"),
    path("queue/", queue.queue, name="queue"),
    path("queue/next/", work_steps.take_next, name="queue-next"),
    path("review/", review.review, name="review"),
    path("scenes/<int:scene_id>/work/take/", work_steps.take, name="work-take"),
    path("scenes/<int:scene_id>/work/labels/", work_steps.labels, name="work-labels"),
    path("scenes/<int:scene_id>/work/submit/", work_steps.submit, name="work-submit"),
    path("scenes/<int:scene_id>/work/give-back/", work_steps.give_back, name="work-give-back"),
    path("scenes/<int:scene_id>/work/accept/", work_steps.accept, name="work-accept"),
    path("scenes/<int:scene_id>/work/send-back/", work_steps.send_back, name="work-send-back"),
    path("scenes/<int:scene_id>/work/reopen/", work_steps.reopen, name="work-reopen"),
    path("scenes/<int:scene_id>/work/plan/", work_steps.plan, name="work-plan"),
    path("audit/", audit.audit, name="audit"),
    path("audit/csv/", audit.audit_csv, name="audit-csv"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/<int:job_id>/retry/", jobs.retry, name="job-retry"),
    path("jobs/<int:job_id>/cancel/", jobs.cancel, name="job-cancel"),
    path("upload/", upload.upload, name="upload"),
    # Files: the content's hash is part of the address, so an answer never changes
    path("files/scenes/<int:scene_id>/<str:digest>.webp", views.scene_thumbnail, name="scene-thumbnail"),
    path(
        "files/scenes/<int:scene_id>/labels/<str:digest>.webp",
        views.scene_label_thumbnail,
        name="scene-label-thumbnail",
    ),
    path("files/scenes/<int:scene_id>/strip/<str:digest>.webp", views.scene_filmstrip, name="scene-filmstrip"),
    path("files/frame-labels/<int:labels_id>/<str:digest>", views.frame_labels, name="frame-labels"),
    path("files/frames/<int:frame_id>/cloud/<str:digest>", views.frame_cloud, name="frame-cloud"),
    path("files/frames/<int:frame_id>/display/<str:digest>", views.frame_display, name="frame-display"),
    # People
    path(
        "login/",
        LoginView.as_view(template_name="login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke/", tokens.revoke, name="token-revoke"),
    path("logout/", LogoutView.as_view(), name="logout"),
    # Curators
    path("admin/", admin.site.urls),
    # Scripts
    path("api/version/", VersionView.as_view(), name="api-version"),
    path("api/", include(router.urls)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", api_docs, name="api-docs"),
]
handler400 = "lamm.errors.bad_request"
handler403 = "lamm.errors.forbidden"
handler404 = "lamm.errors.not_found"
handler500 = "lamm.errors.server_error"
