"""Tests of the WeChat Pay folder."""
