"""Invitations to a room: a text in the guest's language, a calendar entry, and the mail that brings both."""
