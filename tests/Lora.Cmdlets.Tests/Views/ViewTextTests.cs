using System.Globalization;

namespace Lora.Commands.Tests.Views;

public sealed class ViewTextTests : IDisposable
{
    private readonly CultureInfo before = CultureInfo.CurrentCulture;

    public ViewTextTests() => CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");

    public void Dispose() => CultureInfo.CurrentCulture = before;

    [Theory]
    [InlineData(2e-4, "2e-4")]
    [InlineData(1.5e-5, "1.5e-5")]
    [InlineData(1e-3 / 3, "3.33e-4")]
    [InlineData(0, "0e0")]
    public void A_rate_reads_as_people_write_it(double rate, string text) => Assert.Equal(text, ViewText.Rate(rate));

    [Theory]
    [InlineData(0L, "0 bytes")]
    [InlineData(1023L, "1,023 bytes")]
    [InlineData(1536L, "1.5 KB")]
    [InlineData(370_339_840L, "353 MB")]
    [InlineData(8L << 30, "8 GB")]
    [InlineData(21_217_000_000L, "19.76 GB")]
    [InlineData(long.MaxValue, "without limit")]
    public void Bytes_have_the_unit_that_fits_them(long bytes, string text) => Assert.Equal(text, ViewText.Size(bytes));

    [Fact]
    public void Numbers_are_the_same_in_every_culture_and_null_is_nothing()
    {
        Assert.Equal(("4,096", ""), (ViewText.Count(4096), ViewText.Count(null)));
        Assert.Equal(("0.05", "1,534.28", ""), (ViewText.Number(0.05), ViewText.Number(1534.281, "N2"), ViewText.Number(null, "F4")));
    }

    [Fact]
    public void A_time_has_days_when_it_takes_days()
    {
        Assert.Equal("00:01:07.3", ViewText.Time(TimeSpan.FromSeconds(67.34)));
        Assert.Equal("1.02:00:00", ViewText.Time(TimeSpan.FromHours(26)));
    }
}
