"""The scheduler in the panel: whether it runs, what for, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.database import LOCK_SCHEDULER
from app.panel.jobs import JOBS
from app.scheduler.runner import Runner
from app.scheduler.schedule import SCHEDULE
from app.story import JOB
from tests.support.panel import Panel, links_of, words
from tests.support.statements import counted_statements

SLOT = datetime(2026, 1, 14, 18, 30, tzinfo=UTC)


def test_each_job_of_the_schedule_is_told_in_words() -> None:
    assert list(JOBS) == [*(job.name for job in SCHEDULE), JOB]


def test_where_nobody_leads_and_nothing_ran_the_page_says_so(panel: Panel) -> None:
    page = words(panel.as_auditor().page("/panel/jobs"))
    assert "It does not run: no process leads." in page
    assert "No run was kept yet" in page
    assert "last ended never" in page and "last sealed never" in page and "0 pending" in page


def test_where_one_leads_the_page_says_so(panel: Panel) -> None:
    with panel.house.database.advisory_lock(LOCK_SCHEDULER):
        assert "It runs: one process leads" in words(panel.as_auditor().page("/panel/jobs"))


def test_runs_stand_newest_first_and_failed_ones_stand_out(panel: Panel) -> None:
    (job,) = [job for job in SCHEDULE if job.name == "expire-points"]
    assert Runner(panel.house).run_job(job, SLOT)
    runs = panel.house.job_runs
    runs.begin("expire-points", SLOT + timedelta(days=1))
    runs.finish("expire-points", SLOT + timedelta(days=1), "failed", "<script>alert(1)</script>")
    runs.begin("expire-points", SLOT + timedelta(days=2))
    runs.begin(JOB, datetime(1970, 1, 1, tzinfo=UTC))
    page = panel.as_auditor().page("/panel/jobs")
    rows = [words(row) for row in page.split("What came of it")[1].split("<tr")[1:]]
    assert "sample-data the sample story once" in rows[0] and "not yet under way, or cut off" in rows[0]
    assert "2026-01-16 18:30 UTC" in rows[1] and "under way, or cut off" in rows[1]
    assert "failed &lt;script&gt;" in rows[2]
    assert "done 0 points of 0 accounts expired" in rows[3]
    assert page.count('<tr class="bad">') == 1


def test_runs_go_on_page_by_page(panel: Panel) -> None:
    for n in range(51):
        panel.house.job_runs.begin("expire-points", SLOT + timedelta(days=n))
    viewer = panel.as_admin()
    (further,) = [link for link in links_of(viewer.page("/panel/jobs")) if "before=" in link]
    assert viewer.page(further).count("under way") == 1
    assert "No run was kept before these." in words(viewer.page("/panel/jobs?before=2000-01-01T00:00:00Z"))


@pytest.mark.parametrize("before", ["", "nonsense", "2026-01-01", "0001-01-01T00:00:00%2B14:00"])
def test_a_moment_that_is_none_is_no_mishap_and_a_page_takes_at_most_five_statements(panel: Panel, before: str) -> None:
    viewer = panel.as_admin()
    viewer.page("/panel/jobs")
    with counted_statements() as sent:
        viewer.page(f"/panel/jobs?before={before}")
    assert len(sent) <= 5, "\n".join(sent)
