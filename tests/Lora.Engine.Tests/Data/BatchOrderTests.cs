using Lora.Data;

namespace Lora.Tests.Data;

/// <summary>The orders were computed by a separate program from the definition in <see cref="BatchOrder"/>.</summary>
public class BatchOrderTests
{
    [Fact]
    public void The_generator_gives_its_published_numbers()
    {
        // The sequence of seed 1234567 that accompanies the generator's public-domain source.
        SplitMix64 random = new(1234567);
        Assert.Equal(
            [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821],
            Enumerable.Range(0, 5).Select(_ => random.Next()));
    }

    [Theory]
    [InlineData(42, 0, new[] { 1, 7, 2, 5, 6, 4, 0, 9, 8, 3 })]
    [InlineData(42, 1, new[] { 3, 0, 6, 8, 4, 5, 1, 7, 2, 9 })]
    [InlineData(-1, 0, new[] { 1, 7, 2, 5, 0, 9, 8, 4, 6, 3 })]
    public void Seed_and_epoch_tell_the_order(long seed, int epoch, int[] expected) =>
        Assert.Equal(expected, new BatchOrder(10, seed, epoch).Indices);

    [Fact]
    public void Every_example_comes_once_and_the_last_batch_is_kept()
    {
        int[][] batches = [.. new BatchOrder(10, seed: 7, epoch: 3).Batches(4)];
        Assert.Equal([4, 4, 2], batches.Select(batch => batch.Length));
        Assert.Equal(Enumerable.Range(0, 10), batches.SelectMany(batch => batch).Order());
    }

    [Fact]
    public void No_examples_give_no_batches() => Assert.Empty(new BatchOrder(0, 1, 0).Batches(4));
}
