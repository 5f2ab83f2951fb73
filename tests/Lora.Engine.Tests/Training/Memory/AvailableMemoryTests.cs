using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>A card of 24 GB that a driver describes, in whole gigabytes.</summary>
public class AvailableMemoryTests
{
    private const long Gigabyte = 1L << 30;
    private const long Card = 24;

    /// <summary>A session's second run: what torch keeps of the first one is given back before the driver is asked, so it is not taken.</summary>
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(2, 0, 0)]
    [InlineData(2, 15, 0)]
    [InlineData(2, 15, 6)] // other programs
    [InlineData(2, 22, 0)]
    public void What_torch_keeps_of_freed_tensors_is_not_taken(long held, long cached, long others)
    {
        (long taken, long limit) = AvailableMemory.OfCard(
            () => cached = 0,
            () => ((held + cached + others) * Gigabyte, (Card - held - cached - others) * Gigabyte))!.Value;

        Assert.Equal((held + others) * Gigabyte, taken);
        Assert.Equal(taken + (long)(0.9 * (Card - held - others) * Gigabyte), limit);
    }

    [Fact]
    public void A_driver_that_says_nothing_leaves_it_open() => Assert.Null(AvailableMemory.OfCard(() => { }, () => null));

    [Theory]
    [InlineData(4, 20, 8)]
    [InlineData(20, 20, 0)]
    [InlineData(21, 20, 0)]
    public void Logits_of_autograd_s_evaluations_have_half_of_what_is_free(long taken, long limit, long room) =>
        Assert.Equal(room * Gigabyte, EvaluationSetup.Room((taken * Gigabyte, limit * Gigabyte)));

    [Fact]
    public void Or_the_chunks_of_a_processor_where_nothing_says_what_is_free() => Assert.Null(EvaluationSetup.Room(null));
}
