using Lora.Bench;

namespace Lora.Tests.Operators;

/// <summary>Checks in processes of their own: what ends one costs that check, by its name, and no other.</summary>
public class CheckProcessTests
{
    public CheckProcessTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "The processes are scripts of sh.");

    [Fact]
    public void A_check_that_ends_its_process_is_missed_by_its_name_with_its_last_words_and_those_behind_it_are_run()
    {
        List<Finding> found = Run(TimeSpan.FromMinutes(1), done => done switch
        {
            0 => $"{Whole("first")}; {Told(Outcome.Begun, "second")}; echo 'terminate called' >&2; kill -ABRT $$",
            _ => Whole("third"),
        });

        Assert.Equal([("first", Outcome.Held), ("second", Outcome.Missed), ("third", Outcome.Held)], found.Select(finding => (finding.What, finding.Outcome)));
        Assert.Contains("exit code 134", found[1].Note, StringComparison.Ordinal);
        Assert.Contains("terminate called", found[1].Note, StringComparison.Ordinal);
    }

    [Fact]
    public void A_process_that_asks_for_another_one_gets_it_behind_what_is_done()
    {
        List<int> asked = [];
        List<Finding> found = Run(TimeSpan.FromMinutes(1), done =>
        {
            asked.Add(done);
            return done == 0 ? $"{Whole("first")}; {Whole("second")}; exit {CheckProcess.Again}" : Whole("third");
        });

        Assert.Equal([0, 2], asked);
        Assert.All(found, finding => Assert.Equal(Outcome.Held, finding.Outcome));
        Assert.Equal(3, found.Count);
    }

    [Fact]
    public void A_check_that_never_ends_is_stopped_when_the_time_is_over()
    {
        List<Finding> found = Run(TimeSpan.Zero, done => done == 0 ? $"{Told(Outcome.Begun, "endless")}; exec sleep 600" : Whole("next"));

        Assert.Equal([("endless", Outcome.Missed), ("next", Outcome.Held)], found.Select(finding => (finding.What, finding.Outcome)));
        Assert.Contains("did not end", found[0].Note, StringComparison.Ordinal);
    }

    [Fact]
    public void A_check_that_never_ends_takes_no_more_than_its_own_time_and_those_behind_it_are_run()
    {
        List<Finding> found = Run(TimeSpan.FromHours(1), done => done == 0 ? $"{Told(Outcome.Begun, "endless")}; exec sleep 600" : Whole("next"), most: TimeSpan.FromSeconds(1));

        Assert.Equal([("endless", Outcome.Missed), ("next", Outcome.Held)], found.Select(finding => (finding.What, finding.Outcome)));
        Assert.Contains("did not end", found[0].Note, StringComparison.Ordinal);
    }

    [Fact]
    public void A_process_that_ends_before_any_check_is_a_finding_each_time_and_is_not_tried_for_ever()
    {
        List<Finding> found = Run(TimeSpan.FromMinutes(1), _ => "echo 'no libtorch' >&2; exit 3");

        Assert.Equal(3, found.Count);
        Assert.All(found, finding => Assert.Equal((Outcome.Missed, "the checks"), (finding.Outcome, finding.What)));
        Assert.All(found, finding => Assert.Contains("no libtorch", finding.Note, StringComparison.Ordinal));
    }

    [Fact]
    public void A_process_that_fails_at_its_start_once_costs_no_check()
    {
        int starts = 0;
        List<Finding> found = Run(TimeSpan.FromMinutes(1), _ => starts++ == 0 ? "exit 3" : Whole("first"));

        Assert.Equal([("the checks", Outcome.Missed), ("first", Outcome.Held)], found.Select(finding => (finding.What, finding.Outcome)));
    }

    [Fact]
    public void A_figure_that_is_no_number_comes_through()
    {
        Finding finding = new("part", "what", double.NaN, 1e-3, "", Outcome.Missed);

        Assert.Equal(finding, Finding.Of(finding.ToLine()));
        Assert.Null(Finding.Of(finding.ToLine()[..30]));
        Assert.Null(Finding.Of("CUDA error: out of memory"));
    }

    private static List<Finding> Run(TimeSpan time, Func<int, string> script, TimeSpan? most = null)
    {
        List<Finding> found = [];
        new CheckProcess((done, _) => new("sh", ["-c", script(done)]), time, most ?? TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(4), found.Add).Run();
        return found;
    }

    private static string Whole(string name) => $"{Told(Outcome.Begun, name)}; {Told(Outcome.Held, name)}; {Told(Outcome.Ended, name)}";

    private static string Told(Outcome outcome, string name) => $"echo '{new Finding("part", name, 1, null, "", outcome).ToLine()}' >&2";
}
