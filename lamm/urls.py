"""The whole site's table of contents."""

from csp.decorators import csp_update
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

from datasets import api as datasets_api
from datasets import views as datasets_views
from experiments import api as experiments_api
from lamm import (
    builder_steps,
    bulk_actions,
    dataset_exports,
    dataset_steps,
    evaluation_steps,
    model_steps,
    overlay_bytes,
    playback,
    prediction_files,
    run_evaluation_tab,
    run_export,
    run_list_steps,
    run_live,
    run_report,
    run_steps,
    run_view_steps,
    saved_view_steps,
    scene_files,
    work_steps,
)
from lamm.explorer_map import explorer_map
from lamm.pages import (
    audit,
    builder,
    compare,
    dataset,
    datasets,
    evaluation,
    evaluations,
    explorer,
    jobs,
    model,
    model_compare,
    model_promote,
    model_version,
    models,
    queue,
    review,
    run,
    run_new,
    runs,
    scene,
    tokens,
    upload,
    webhooks,
)
from lamm.versions import VersionView
from registry import api as registry_api
from scenes import api, views
from uncertainty import api as uncertainty_api

# The library's page sets styles from its script; nothing else of the site may.
api_docs = csp_update({"style-src": ["'unsafe-inline'"]})(SpectacularSwaggerSplitView.as_view(url_name="schema"))
router = DefaultRouter()
router.register("drives", api.DriveViewSet)
router.register("scenes", api.SceneViewSet)
router.register("assignments", api.AssignmentViewSet, basename="assignment")
router.register("frames", api.FrameViewSet)
router.register("comments", api.CommentViewSet)
router.register("ontologies", api.OntologyViewSet)
router.register("label-sets", api.LabelSetViewSet)
router.register("frame-labels", api.FrameLabelsViewSet)
router.register("bulk-changes", api.BulkChangeViewSet)
router.register("saved-views", api.SavedViewViewSet)
router.register("scene-exports", api.SceneExportViewSet)
router.register("ingest-jobs", api.IngestJobViewSet)
router.register("uploads", api.UploadViewSet)
router.register("uploads/(?P<upload_id>[0-9]{1,18})/files", api.UploadedFileViewSet)
router.register("datasets", datasets_api.DatasetViewSet)
router.register("dataset-versions", datasets_api.DatasetVersionViewSet)
router.register("dataset-items", datasets_api.ItemViewSet)
router.register("dataset-slices", datasets_api.SliceViewSet)
router.register("dataset-exports", datasets_api.DatasetExportViewSet)
router.register("verifications", datasets_api.VerificationViewSet)
router.register("experiments", experiments_api.ExperimentViewSet)
router.register("runs", experiments_api.RunViewSet)
router.register("metrics", experiments_api.MetricViewSet, basename="metric")
router.register("run-evaluations", experiments_api.RunEvaluationViewSet)
router.register("evaluations", uncertainty_api.EvaluationViewSet)
router.register("predictions", experiments_api.PredictionViewSet, basename="prediction")
router.register("prediction-sets", experiments_api.PredictionSetViewSet, basename="predictionset")
router.register("models", registry_api.RegisteredModelViewSet)
router.register("model-versions", registry_api.ModelVersionViewSet)
router.register("promotions", registry_api.PromotionRequestViewSet)
router.register("gates", registry_api.GateViewSet)
router.register("stage-transitions", registry_api.StageTransitionViewSet)
router.register("webhooks", registry_api.WebhookViewSet)
router.register("webhook-deliveries", registry_api.WebhookDeliveryViewSet)

urlpatterns = [
    # Pages
    path("", RedirectView.as_view(pattern_name="explorer"), name="home"),
    path("explorer/", explorer.explorer, name="explorer"),
    path("explorer/map/", explorer_map, name="explorer-map"),
    path("explorer/facets/", explorer.facets, name="explorer-facets"),
    path("explorer/preferences/", explorer.preferences, name="explorer-preferences"),
    path("explorer/bulk/matching/", bulk_actions.matching, name="explorer-bulk-matching"),
    path("explorer/bulk/mine/", bulk_actions.mine, name="explorer-bulk-mine"),
    path("explorer/bulk/dataset/", bulk_actions.dataset, name="explorer-bulk-dataset"),
    path("explorer/bulk/export/", bulk_actions.export, name="explorer-bulk-export"),
    path("explorer/bulk/exports/<int:export_id>/", bulk_actions.export_state, name="explorer-bulk-export-state"),
    path("explorer/bulk/ask/<str:action>/", bulk_actions.ask, name="explorer-bulk-ask"),
    path("explorer/bulk/do/<str:action>/", bulk_actions.bulk, name="explorer-bulk"),
    path("explorer/bulk/<int:change_id>/", bulk_actions.state, name="explorer-bulk-state"),
    path("explorer/bulk/<int:change_id>/undo/", bulk_actions.undo, name="explorer-bulk-undo"),
    path("explorer/views/save/", saved_view_steps.save, name="saved-view-save"),
    path("explorer/views/default/", saved_view_steps.make_default, name="saved-view-default"),
    path("explorer/views/<int:view_id>/", saved_view_steps.edit, name="saved-view-edit"),
    path("explorer/views/<int:view_id>/change/", saved_view_steps.change, name="saved-view-change"),
    path("explorer/views/<int:view_id>/remove/", saved_view_steps.remove, name="saved-view-remove"),
    path("scenes/<int:scene_id>/", scene.scene, name="scene"),
    path("scenes/<int:scene_id>/playback/", playback.scene_playback, name="scene-playback"),
    path("datasets/", datasets.datasets, name="datasets"),
    path("datasets/new/", dataset_steps.create, name="dataset-create"),
    path("datasets/<str:name>/v<int:number>/", dataset.dataset, name="dataset"),
    path("datasets/<int:version_id>/diff/", dataset.diff, name="dataset-diff"),
    path("datasets/<int:version_id>/verification/", dataset.verification, name="dataset-verification"),
    path("datasets/<int:version_id>/new-version/", dataset_steps.new_version, name="dataset-new-version"),
    path("datasets/<int:version_id>/deprecate/", dataset_steps.deprecate, name="dataset-deprecate"),
    path("datasets/<int:version_id>/verify/", dataset_steps.verify, name="dataset-verify"),
    path("datasets/<int:version_id>/export/", dataset_exports.export, name="dataset-export"),
    path(
        "datasets/<int:version_id>/export/<int:export_id>/cancel/", dataset_exports.cancel, name="dataset-export-cancel"
    ),
    path("datasets/<int:version_id>/discard/", dataset_steps.discard, name="dataset-discard"),
    path("datasets/<int:version_id>/builder/", builder.builder, name="builder"),
    path("datasets/<int:version_id>/builder/staged/", builder.staged, name="builder-staged"),
    path("datasets/<int:version_id>/builder/plan-form/", builder.plan, name="builder-plan-form"),
    path("datasets/<int:version_id>/builder/plan/", builder_steps.set_plan, name="builder-plan"),
    path("datasets/<int:version_id>/builder/add/", builder_steps.add, name="builder-add"),
    path("datasets/<int:version_id>/builder/remove/", builder_steps.remove, name="builder-remove"),
    path("datasets/<int:version_id>/builder/split/", builder_steps.say_split, name="builder-split"),
    path("datasets/<int:version_id>/builder/draw/", builder_steps.draw, name="builder-draw"),
    path("datasets/<int:version_id>/builder/notes/", builder_steps.set_notes, name="builder-notes"),
    path("datasets/<int:version_id>/builder/slices/", builder_steps.make_slice, name="builder-slice"),
    path(
        "datasets/<int:version_id>/builder/slices/<int:slice_id>/remove/",
        builder_steps.remove_slice,
        name="builder-slice-remove",
    ),
    path("datasets/<int:version_id>/builder/save/", dataset_steps.ask_freeze, name="builder-freeze"),
    path("datasets/<int:version_id>/builder/freeze/", dataset_steps.freeze, name="builder-freeze-now"),
    path("runs/", runs.runs, name="runs"),
    path("runs/new/", run_new.run_new, name="run-new"),
    path("runs/new/<int:run_id>/state/", run_new.state, name="run-new-state"),
    path("runs/list/rows/", run_live.rows, name="run-list-rows"),
    path("runs/list/sparklines/", run_live.sparklines, name="run-list-sparklines"),
    path("runs/list/keys/", run_live.keys, name="run-list-keys"),
    path("runs/list/preferences/", run_view_steps.preferences, name="run-list-preferences"),
    path("runs/list/do/<str:action>/", run_list_steps.bulk, name="run-list-bulk"),
    path("runs/list/<int:run_id>/edit/<str:what>/", run_list_steps.edit, name="run-list-edit"),
    path("runs/list/views/save/", run_view_steps.save, name="run-list-view-save"),
    path("runs/list/views/<int:view_id>/", run_view_steps.edit, name="run-list-view-edit"),
    path("runs/list/views/<int:view_id>/change/", run_view_steps.change, name="run-list-view-change"),
    path("runs/list/views/<int:view_id>/remove/", run_view_steps.remove, name="run-list-view-remove"),
    path("runs/list/export.<str:form>", run_export.export, name="run-list-export"),
    path("runs/<int:run_id>/", run.run, name="run"),
    path("runs/<int:run_id>/live/", run.live, name="run-page-live"),
    path("runs/<int:run_id>/archive/", run_steps.archive, name="run-page-archive"),
    path("runs/<int:run_id>/restore/", run_steps.restore, name="run-page-restore"),
    path("runs/<int:run_id>/kill/", run_steps.kill, name="run-page-kill"),
    path("runs/<int:run_id>/configuration/<str:form>", run_steps.configuration_file, name="run-configuration-file"),
    path("runs/<int:run_id>/patch", run_steps.patch_file, name="run-patch"),
    path("runs/<int:run_id>/evaluate/", run_evaluation_tab.evaluate, name="run-evaluate"),
    path("runs/<int:run_id>/evaluation/", run_evaluation_tab.evaluation_live, name="run-evaluation-live"),
    path("runs/<int:run_id>/report/", run_report.report, name="run-report"),
    path("runs/compare/", compare.compare, name="runs-compare"),
    path("runs/compare/importance/", compare.importance, name="runs-compare-importance"),
    path("runs/compare/bands/", compare.group_bands, name="runs-compare-bands"),
    path("evaluations/", evaluations.evaluations, name="evaluations"),
    path("evaluations/<int:evaluation_id>/", evaluation.evaluation, name="evaluation"),
    path("evaluations/<int:evaluation_id>/finish/", evaluation_steps.finish, name="evaluation-finish-now"),
    path("evaluations/<int:evaluation_id>/withdraw/", evaluation_steps.withdraw, name="evaluation-withdraw-now"),
    path("evaluations/<int:evaluation_id>/discard/", evaluation_steps.discard, name="evaluation-discard-now"),
    path("models/", models.models, name="models"),
    path("models/promote/", model_promote.model_promote, name="model-promote"),
    path("models/compare/", model_compare.model_compare, name="model-compare"),
    path("models/webhooks/", webhooks.webhooks, name="webhooks"),
    path("models/webhooks/add/", webhooks.add, name="webhook-add"),
    path("models/webhooks/<int:pk>/test/", webhooks.test, name="webhook-try"),
    path("models/webhooks/<int:pk>/remove/", webhooks.remove, name="webhook-remove"),
    path("models/<int:pk>/describe/", model_steps.describe_model, name="model-describe"),
    path("models/<int:pk>/alias/", model_steps.set_alias, name="model-alias"),
    path("models/<int:pk>/alias/remove/", model_steps.remove_alias, name="model-alias-remove"),
    path("models/<int:pk>/roll-back/", model_steps.roll_back, name="model-roll-back"),
    path("models/<int:pk>/gates/", model_steps.add_gate, name="model-gate"),
    path("models/gates/<int:pk>/retire/", model_steps.retire_gate, name="model-gate-retire"),
    path("models/versions/<int:pk>/describe/", model_steps.describe_version, name="model-version-describe"),
    path("models/versions/<int:pk>/archive/", model_steps.archive, name="model-version-archive"),
    path("models/versions/<int:pk>/restore/", model_steps.restore, name="model-version-restore"),
    path("models/versions/<int:pk>/step-down/", model_steps.step_down, name="model-version-step-down"),
    path("models/versions/<int:pk>/ask/", model_steps.ask, name="model-version-ask"),
    path("models/promotions/<int:pk>/check/", model_steps.check, name="promotion-check"),
    path("models/promotions/<int:pk>/waive/", model_steps.waive, name="promotion-waive"),
    path("models/promotions/<int:pk>/approve/", model_steps.approve, name="promotion-approve"),
    path("models/promotions/<int:pk>/refuse/", model_steps.refuse, name="promotion-refuse"),
    path("models/promotions/<int:pk>/withdraw/", model_steps.withdraw, name="promotion-withdraw"),
    path("models/<str:name>/", model.model, name="model"),
    path("models/<str:name>/<str:label>/", model_version.model_version, name="model-version"),
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
    path("files/frame-labels/<int:labels_id>/original/<str:digest>", scene_files.label_file, name="frame-label-file"),
    path("files/frames/<int:frame_id>/references/", scene_files.frame_files, name="frame-files"),
    path("files/frames/<int:frame_id>/cloud/<str:digest>", views.frame_cloud, name="frame-cloud"),
    path("files/frames/<int:frame_id>/points/<str:digest>.npy", views.frame_points, name="frame-points"),
    path("files/frames/<int:frame_id>/display/<str:digest>", views.frame_display, name="frame-display"),
    path("files/frames/<int:frame_id>/octree/<str:digest>", views.frame_octree, name="frame-octree"),
    path(
        "files/frames/<int:frame_id>/nodes/<str:digest>/<int:offset>/<int:length>",
        views.frame_nodes,
        name="frame-nodes",
    ),
    path(
        "files/frames/<int:frame_id>/order/<str:digest>/<int:first>/<int:count>", views.frame_order, name="frame-order"
    ),
    path("files/frames/<int:frame_id>/kept/<str:digest>", views.frame_kept, name="frame-kept"),
    path(
        "files/frames/<int:frame_id>/fields/<str:digest>/<str:scale>/<str:name>", views.frame_field, name="frame-field"
    ),
    path(
        "files/frames/<int:frame_id>/fields/<str:digest>/<str:scale>/<str:name>/<int:first>/<int:count>",
        views.frame_field,
        name="frame-field-slice",
    ),
    path(
        "files/frames/<int:frame_id>/overlays/<str:key>/<str:digest>/<str:scale>",
        overlay_bytes.frame_overlay,
        name="frame-overlay",
    ),
    path(
        "files/frames/<int:frame_id>/overlays/<str:key>/<str:digest>/<str:scale>/<int:first>/<int:count>",
        overlay_bytes.frame_overlay,
        name="frame-overlay-slice",
    ),
    path("files/runs/<int:run_id>/<int:artifact_id>/<str:digest>", run_steps.picture, name="run-picture"),
    path(
        "files/predictions/<int:prediction_id>/<str:part>/<str:digest>",
        prediction_files.prediction_file,
        name="prediction-file",
    ),
    path("files/exports/<int:export_id>/", views.scene_export, name="scene-export-file"),
    path("files/dataset-exports/<int:export_id>/", datasets_views.dataset_export, name="dataset-export-file"),
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
    path(
        "api/runs/<int:run_id>/artifacts/", experiments_api.RunArtifacts.as_view({"get": "list"}), name="run-artifacts"
    ),
    path("api/runs/<int:run_id>/artifacts/<path:path>", experiments_api.RunArtifact.as_view(), name="run-artifact"),
    path("api/runs/<int:run_id>/predictions/", experiments_api.RunPredictions.as_view(), name="run-predictions"),
    path(
        "api/runs/<int:run_id>/predictions/frames/",
        experiments_api.RunPredictionFrames.as_view(),
        name="run-prediction-frames",
    ),
    path(
        "api/runs/<int:run_id>/predictions/known/",
        experiments_api.RunPredictionsKnown.as_view(),
        name="run-predictions-known",
    ),
    path(
        "api/dataset-versions/<int:version_id>/import-labels/",
        datasets_api.ImportLabels.as_view(),
        name="dataset-import-labels",
    ),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", api_docs, name="api-docs"),
]
handler400 = "lamm.errors.bad_request"
handler403 = "lamm.errors.forbidden"
handler404 = "lamm.errors.not_found"
handler500 = "lamm.errors.server_error"
