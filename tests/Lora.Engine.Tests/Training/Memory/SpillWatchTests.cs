using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

public class SpillWatchTests
{
    private const long Gigabyte = 1_000_000_000;

    [Theory]
    [InlineData(8.0, 2.0, 6.0, false)] // as planned
    [InlineData(8.0, 0.1, 12.0, true)] // the plan is above what the device has
    [InlineData(8.0, 0.1, 6.0, true)] // more is taken than was planned, by this program or another
    [InlineData(8.0, 0.1, 7.9, false)] // full as planned
    [InlineData(8.0, 0.1, 8.0, false)]
    [InlineData(8.0, 0.1, 8.1, true)]
    [InlineData(8.0, 0.4, 12.0, false)] // there is room left yet
    [InlineData(24.0, 0.9, 30.0, true)]
    public void A_full_device_is_a_sign_unless_it_is_meant_to_be_full(double total, double free, double planned, bool expected) =>
        Assert.Equal(expected, SpillWatch.Seems((long)(total * Gigabyte), (long)(free * Gigabyte), (long)(planned * Gigabyte)));

    [Theory]
    [InlineData(0.1, true)]
    [InlineData(1.0, false)]
    public void Without_a_plan_a_full_device_is_a_sign(double free, bool expected) =>
        Assert.Equal(expected, SpillWatch.Seems(8 * Gigabyte, (long)(free * Gigabyte), planned: null));

    [Fact]
    public void It_looks_after_three_steps_and_every_fifty_and_warns_once()
    {
        List<string> warnings = [];
        int looks = 0;
        SpillWatch watch = new(
            () =>
            {
                looks++;
                return looks < 3 ? (5 * Gigabyte, 3 * Gigabyte) : ((79 * Gigabyte) / 10, Gigabyte / 10);
            },
            planned: 6 * Gigabyte,
            warnings.Add);
        List<int> looksAfter = [];
        for (int step = 1; step <= 200; step++)
        {
            watch.OnStep();
            looksAfter.Add(looks);
        }

        Assert.Equal((0, 1, 1, 2, 2, 3), (looksAfter[1], looksAfter[2], looksAfter[48], looksAfter[49], looksAfter[98], looksAfter[99]));
        Assert.Equal(3, looks);
        string warning = Assert.Single(warnings);
        Assert.Contains("7.36 GB of 7.45 GB", warning, StringComparison.Ordinal);
        Assert.Contains("seems", warning, StringComparison.Ordinal);
        Assert.Contains("-MemoryLimit", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_says_nothing_is_not_warned_of()
    {
        List<string> warnings = [];
        SpillWatch watch = new(() => null, planned: null, warnings.Add);
        for (int step = 1; step <= 100; step++)
        {
            watch.OnStep();
        }

        Assert.Empty(warnings);
    }

    [Fact]
    public void Only_a_GPU_under_Windows_is_watched()
    {
        Assert.Null(SpillWatch.For(CPU, null, _ => { }));
        Assert.Equal(OperatingSystem.IsWindows(), SpillWatch.For(new Device(TorchSharp.DeviceType.CUDA, 0), null, _ => { }) is not null);
    }
}
