using Lora.Models;

namespace Lora.Tests.Models;

public class LossChunkTests
{
    [Theory]
    [InlineData(8191, 8192, 8192)] // all at once
    [InlineData(8191, 8191, 4096)] // two
    [InlineData(8191, 3000, 2752)] // three of 2731, in whole tiles
    [InlineData(8191, 700, 640)]
    [InlineData(8191, 0, 512)] // never less
    [InlineData(512, 512, 512)]
    [InlineData(10, 8192, 512)]
    [InlineData(0, 8192, 512)]
    public void As_many_as_fit_in_chunks_of_about_the_same_size(int places, int room, int expected) =>
        Assert.Equal(expected, LossChunk.Most(places, 32_000, chunk => chunk <= room));

    [Fact]
    public void A_chunk_has_no_more_logits_than_32_bits_count() => Assert.Equal(13_120, LossChunk.Most(65_536, 151_936, _ => true));
}
