"""The whole site's table of contents."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

from lamm.pages import explorer, scene
from scenes import api, views

router = DefaultRouter()
router.register("drives", api.DriveViewSet)
router.register("scenes", api.SceneViewSet)
router.register("frames", api.FrameViewSet)
router.register("ingest-jobs", api.IngestJobViewSet)

urlpatterns = [
    # Pages
    path("", RedirectView.as_view(pattern_name="explorer"), name="home"),
    path("explorer/", explorer.explorer, name="explorer"),
    path("scenes/<int:scene_id>/", scene.scene, name="scene"),
    # Files: the content's hash is part of the address, so an answer never changes
    path("files/scenes/<int:scene_id>/<str:digest>.webp", views.scene_thumbnail, name="scene-thumbnail"),
    path("files/frames/<int:frame_id>/cloud/<str:digest>", views.frame_cloud, name="frame-cloud"),
    path("files/frames/<int:frame_id>/display/<str:digest>", views.frame_display, name="frame-display"),
    # People
    path(
        "login/",
        LoginView.as_view(template_name="login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    # Curators
    path("admin/", admin.site.urls),
    # Scripts
    path("api/", include(router.urls)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
]
handler403 = "lamm.errors.forbidden"
handler404 = "lamm.errors.not_found"
handler500 = "lamm.errors.server_error"
