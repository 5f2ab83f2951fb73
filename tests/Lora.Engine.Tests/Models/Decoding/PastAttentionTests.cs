using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Attention of tokens behind others, held to its formula, computed here in float64 number by number.</summary>
public class PastAttentionTests
{
    [Theory]
    [InlineData(7, 5, 4, 2, null, null, false, 1)]
    [InlineData(7, 5, 4, 2, null, 3.0, true, 1)]
    [InlineData(7, 5, 6, 3, 4, 3.0, true, 2)] // slices of two heads and of one
    [InlineData(1, 6, 2, 2, 3, null, true, 2)]
    [InlineData(1300, 3, 2, 1, 5, null, false, 1)] // whole blocks of keys that nobody sees
    [InlineData(1300, 3, 2, 1, 5, 2.0, true, 1)]
    public void It_is_the_softmax_of_what_is_seen(int before, int tokens, int heads, int keyHeads, int? window, double? cap, bool isPlain, int slices)
    {
        const int headSize = 8;
        using DisposeScope scope = NewDisposeScope();
        AttentionHeads shape = new(heads, keyHeads, headSize, window, Factor: 0.7) { Cap = cap };
        Tensor query = Draw(1, tokens, heads), key = Draw(2, before + tokens, keyHeads), value = Draw(3, before + tokens, keyHeads);
        using TensorStack scratch = new(CPU);
        scratch.Reserve(PastAttention.Bytes(before, tokens, shape, sizeof(float), isPlain, slices).Again.Forward);
        using PastAttention past = new(before, scratch) { Slices = slices };

        Tensor mixed = past.Mix(query, (key, value), shape, isPlain);

        float[] found = [.. mixed.contiguous().data<float>()], q = [.. query.data<float>()], k = [.. key.data<float>()], v = [.. value.data<float>()];
        Assert.Equal([tokens, heads, headSize], mixed.shape);
        Assert.Equal(0, scratch.Overflow);
        for (int token = 0; token < tokens; token++)
        {
            for (int head = 0; head < heads; head++)
            {
                AssertRow(token, head);
            }
        }

        void AssertRow(int token, int head)
        {
            int place = before + token, own = head / (heads / keyHeads);
            int[] seen = [.. Enumerable.Range(0, place + 1).Where(other => place - other < (window ?? int.MaxValue))];
            double[] scores = [.. seen.Select(other => Weight(Enumerable.Range(0, headSize).Sum(at => (double)q[(((token * heads) + head) * headSize) + at] * k[(((other * keyHeads) + own) * headSize) + at])))];
            double sum = scores.Sum();
            for (int at = 0; at < headSize; at++)
            {
                double expected = seen.Zip(scores, (other, score) => score * v[(((other * keyHeads) + own) * headSize) + at]).Sum() / sum;
                Assert.InRange(found[(((token * heads) + head) * headSize) + at] - expected, -1e-5, 1e-5);
            }
        }

        double Weight(double product) => Math.Exp(cap is double limit ? limit * Math.Tanh(0.7 * product / limit) : 0.7 * product);

        Tensor Draw(ulong seed, params long[] first) => randn([.. first, headSize], device: CPU, generator: new Generator(seed, CPU));
    }

    /// <summary>Their transposed view is contiguous as it is.</summary>
    [Theory]
    [InlineData(5, 1)]
    [InlineData(1, 4)]
    public void What_the_formula_gives_of_one_head_or_one_token_is_not_the_scratch_s_memory(int tokens, int heads)
    {
        using DisposeScope scope = NewDisposeScope();
        AttentionHeads shape = new(heads, 1, 8, Window: null, Factor: 0.7) { Cap = 3 };
        Tensor query = ones([tokens, heads, 8], device: CPU), seen = ones([7 + tokens, 1, 8], device: CPU);
        using TensorStack scratch = new(CPU);
        scratch.Reserve(PastAttention.Bytes(7, tokens, shape, sizeof(float), isPlain: true, slices: 1).Again.Forward);
        using PastAttention past = new(7, scratch);

        Tensor mixed = past.Mix(query, (seen, seen), shape, isPlain: true);
        float[] found = [.. mixed.data<float>()];
        using TensorStack.Pass next = scratch.Begin();
        scratch.Take(ScalarType.Float32, 2 * tokens * heads * 8).zero_(); // where queries and results were

        Assert.Equal(0, scratch.Overflow);
        Assert.Equal(found, mixed.data<float>().ToArray());
    }

    /// <summary>Pairs of tokens and keys are nearly all of it, and a slice has its heads' share of them.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void The_formula_s_room_is_what_it_takes(int slices)
    {
        const int before = 500, tokens = 200;
        using DisposeScope scope = NewDisposeScope();
        AttentionHeads shape = new(8, 4, 16, Window: null, Factor: 1) { Cap = 30 };
        long bytes = PastAttention.Bytes(before, tokens, shape, sizeof(float), isPlain: true, slices).Again.Forward;
        Tensor query = ones([tokens, 8, 16], device: CPU), seen = ones([before + tokens, 4, 16], device: CPU);

        Assert.Equal(0, Overflow(bytes));
        Assert.True(Overflow((long)(0.95 * bytes)) > 0);
        Assert.InRange(bytes, sizeof(float) * tokens * (before + tokens) * 8 / slices, 1.2 * sizeof(float) * tokens * (before + tokens) * 8 / slices);

        int Overflow(long room)
        {
            using TensorStack scratch = new(CPU);
            scratch.Reserve(room);
            using PastAttention past = new(before, scratch) { Slices = slices };
            past.Mix(query, (seen, seen), shape, isPlain: true).Dispose();
            return scratch.Overflow;
        }
    }
}
