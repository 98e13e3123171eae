"""Who may ask what, written down a second time: the routes are compared with this table, not with themselves."""

from typing import Final, Literal

Right = Literal["anybody", "person", "house operator", "house admin", "viewer", "operator", "admin", "admin person"]
"""The last four: in the project of the path; keys of the project have its roles, too, but are no person."""
RIGHTS: Final[dict[Right, str]] = {
    "anybody": "live ready metrics look say sign_in give_code refresh accept_invitation",
    "person": (
        "list_sessions sign_out_everywhere sign_out end_session show_me change_me change_password set_up_totp "
        "confirm_totp remove_totp replace_recovery_codes export_me erase_me list_projects recent_jobs"
    ),
    "house operator": "create_project",
    "house admin": (
        "list_users show_user change_user erase_user reset_password remove_totp_of export_user invite list_entries "
        "export_entries check_chain grant revoke"
    ),
    "viewer": (
        "show_project list_members list_grants list_datasets show_dataset list_jobs show_job list_reports watch_job "
        "list_models list_versions show_version show_shadow preview list_anomalies show_anomaly list_alerts show_alert "
        "list_verdicts show_verdict list_silences show_silence show_pipeline list_rejected show_rejected"
    ),
    "operator": (
        "create_dataset change_dataset remove_dataset create_training stop_job export_version import_version promote "
        "roll_back challenge retire judge withdraw create_silence end_silence replay_rejected"
    ),
    "admin": ("change_project add_member change_member remove_member list_keys remove_key list_project_entries"),
    "admin person": "create_key",
}
OF: Final[dict[str, Right]] = {name: right for right, names in RIGHTS.items() for name in names.split()}
ROLES: Final = {"viewer": 0, "operator": 1, "admin": 2}
REFUSALS: Final = {401, 403, 404, 405, 413, 422, 428, 429}
"""What somebody is told who may not: nothing that depends on what is there, such as 409 or 412."""


def may(name: str, kind: str, role: str, own: str | None) -> bool:
    """Tell whether a caller may ask `name`: of this kind, with this role in the house, and `own` in the project."""
    right = OF[name]
    if right == "anybody":
        return True
    if kind == "nobody" or (kind == "key" and right not in {"viewer", "operator", "admin"}):
        return False
    if right == "person":
        return True
    if right.startswith("house "):
        return ROLES[role] >= ROLES[right.removeprefix("house ")]
    held = "admin" if role == "admin" else own
    return held is not None and ROLES[held] >= ROLES[right.removesuffix(" person")]
