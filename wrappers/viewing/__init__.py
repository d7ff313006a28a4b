"""Pictures, films, replays and windows of scenes, for any environment that can describe one."""
