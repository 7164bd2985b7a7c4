"""Approvers: how a person is asked. Nothing that a server or agent can run answers for one."""
