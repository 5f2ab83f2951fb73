using Lora.Kernels;

namespace Lora.Tests.Kernels;

/// <summary>What the operators of attention take in passing, against numbers worked out by hand from the sources that they name.</summary>
public class AttentionOperatorTests
{
    private static readonly int[] Lengths = [300, 100];

    [Theory]
    [InlineData(64, 8 * 4 * ((2 * 384 * 128) + 400L))] // dq in whole blocks of 128, as long as the longest
    [InlineData(256, 8 * 4 * ((2 * ((384 * 256) + (2 * 128 * 256))) + 400L))] // and a block of dk and one of dv
    public void Efficient_attention_adds_up_dq_in_float32_for_each_document_and_head(int headSize, long expected) =>
        Assert.Equal(expected, new EfficientAttention().Workspace(Lengths, new(8, 2, headSize, null, 1), elementSize: 2));

    [Theory]
    [InlineData(8, 64, 8 * 656 * 4 * ((12 * 64) + 1L))] // 192 processors share 16 heads of documents: 12 sums; 128 tokens of room a document
    [InlineData(2, 72, (8 * 656 * 4 * ((12 * 96) + 1L)) + (2 * 400 * 8 * 72 * 2))] // whole units of 32 values, and dk and dv of each head of q
    public void FlashAttention_adds_up_as_many_dq_as_the_same_gradients_each_time_need(int keyHeads, int headSize, long expected) =>
        Assert.Equal(expected, new FlashAttention().Workspace(Lengths, new(8, keyHeads, headSize, null, 1), elementSize: 2));

    [Theory]
    [InlineData(null, 2 * 400 * ((8 * 64) + (2 * 2 * 64L)))] // results of each document, and of all
    [InlineData(7, (2 * 400 * ((8 * 64) + (2 * 2 * 64L))) + (100_000 * (8 + 2 + (2 * 2L))))] // distances, flags, and what hides
    public void A_processor_s_operator_has_each_document_s_results_beside_those_of_all(int? window, long expected) =>
        Assert.Equal(expected, new DocumentAttention().Workspace(Lengths, new(8, 2, 64, window, 1), elementSize: 2));

    [Fact]
    public void What_is_made_in_passing_is_part_of_attention_s_bytes()
    {
        AttentionHeads shape = new(8, 2, 64, null, 1);
        EfficientAttention operation = new();

        // k and v for each head of q, and gradients like all three.
        Assert.Equal((2L * 400 * 5 * 512) + operation.Workspace(Lengths, shape, 2), new PackedAttention(operation, [], shape, 2).Bytes(Lengths, slices: 1).Passing);
    }
}
