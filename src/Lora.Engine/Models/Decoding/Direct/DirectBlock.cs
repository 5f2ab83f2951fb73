using Lora.Kernels;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// One block for one token of each text: x += s o(attention(qkv(norm x))); x += s down(activation(gate) · up) of norm x; in some families both are normalised
/// before they are added, before and after or after alone. All threads go through it together and meet five times, and before each norm of that kind and after
/// one of all heads; norms of rows, which are small, each computes for itself.
/// </summary>
internal sealed unsafe class DirectBlock<TLanes, TElement> : IDisposable
    where TLanes : unmanaged, ILanes<TLanes>
    where TElement : unmanaged, IElement<TElement>
{
    private readonly int number;
    private readonly FusedBlock block;
    private readonly GatedMlpShape mlp;
    private readonly AttentionShape attention;
    private readonly double epsilon;
    private readonly float* inputNorm;
    private readonly float* middleNorm;
    private readonly float* queryNorm;
    private readonly float* keyNorm;
    private readonly float* allQueriesNorm;
    private readonly float* allKeysNorm;
    private readonly float* attentionOutputNorm;
    private readonly float* mlpOutputNorm;
    private readonly DirectProduct<TLanes, TElement> queryKeyValue;
    private readonly DirectProduct<TLanes, TElement> output;
    private readonly DirectProduct<TLanes, TElement> gateUp;
    private readonly DirectProduct<TLanes, TElement> down;

    /// <param name="number">Its number in the model.</param>
    /// <param name="weights">The frozen weights.</param>
    /// <param name="adapter">The factors of adapted modules, by their names.</param>
    public DirectBlock(int number, FusedLayerWeights weights, IReadOnlyDictionary<string, LowRankFactors> adapter)
    {
        this.number = number;
        block = weights.Block;
        mlp = (GatedMlpShape)block.Mlp;
        attention = block.Attention;
        epsilon = weights.Epsilon;
        inputNorm = Address(weights.InputNorm?.Wide);
        middleNorm = Address(weights.MiddleNorm?.Wide);
        attentionOutputNorm = Address(weights.AttentionOutputNorm?.Wide);
        mlpOutputNorm = Address(weights.MlpOutputNorm?.Wide);

        // [heads + kvHeads, headSize]: those of q are alike, and those of k.
        queryNorm = Address(weights.HeadNorms is [HeadNorm each] ? each.Weight.Wide : null);
        keyNorm = queryNorm is null ? null : queryNorm + attention.QueryWidth;
        if (weights.HeadNorms is [HeadNorm queries, HeadNorm keys])
        {
            allQueriesNorm = Address(queries.Weight.Wide);
            allKeysNorm = Address(keys.Weight.Wide);
        }

        queryKeyValue = Product(weights.QueryKeyValue, weights.QueryKeyValueNames);
        output = Product(weights.Output, weights.OutputNames);
        gateUp = Product(weights.GateUp, weights.GateUpNames);
        down = Product(weights.Down, weights.DownNames);

        DirectProduct<TLanes, TElement> Product(JoinedWeights frozen, IReadOnlyList<string> names) => new(frozen, [.. names.Select(name => adapter.GetValueOrDefault(name))]);
    }

    /// <summary>Values of x Aᵀ in its widest product.</summary>
    public int Rank => Products.Max(product => product.Rank);

    private DirectProduct<TLanes, TElement>[] Products => [queryKeyValue, output, gateUp, down];

    /// <summary>A thread's share of the block.</summary>
    /// <param name="team">The threads.</param>
    /// <param name="worker">Which of them.</param>
    /// <param name="buffers">x, which becomes the block's output, and what it takes.</param>
    /// <param name="texts">The texts, which have room for a token more.</param>
    /// <param name="rotations">cos and sin of each of the model's rotations, [places, rotated/2].</param>
    public void Step(WorkerTeam team, int worker, StepBuffers buffers, IReadOnlyList<TextCache<TElement>> texts, IReadOnlyList<PlaceAngles> rotations)
    {
        WorkerBuffers own = buffers.Own[worker];
        int rows = texts.Count;
        Norm(buffers.Residual, inputNorm, rows, own.Normal);
        queryKeyValue.Reduce(own.Normal, rows, own.Low);
        (long begin, long end) = team.Share(worker, queryKeyValue.Outputs);
        queryKeyValue.Multiply(own.Normal, rows, own, buffers.QueryKeyValue, begin, end);
        team.Meet();

        if (allQueriesNorm is not null)
        {
            NormAllHeads(team, worker, buffers, rows);
            team.Meet();
        }

        Attend(team, worker, buffers, texts, block.Rotation is int rotation ? rotations[rotation] : null);
        team.Meet();

        AddBranch(output, buffers.Mixed, attentionOutputNorm, team, worker, buffers, rows);
        team.Meet();

        Norm(buffers.Residual, middleNorm, rows, own.Normal);
        gateUp.Reduce(own.Normal, rows, own.Low);
        long width = mlp.IntermediateSize;
        (begin, end) = team.Share(worker, width);
        gateUp.Multiply(own.Normal, rows, own, buffers.GateUp, begin, end);
        gateUp.Multiply(own.Normal, rows, own, buffers.GateUp, width + begin, width + end);
        for (int row = 0; row < rows; row++)
        {
            Gate(buffers.GateUp + (row * 2 * width) + begin, width, buffers.Active + (row * width) + begin, end - begin);
        }

        team.Meet();
        AddBranch(down, buffers.Active, mlpOutputNorm, team, worker, buffers, rows);
        team.Meet();
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(Products, product => product.Dispose());

    private static float* Address(Tensor? values) => values is null ? null : (float*)TensorMemory.Address(values);

    /// <summary>Rows of hidden values by a norm, or as they are where there is none.</summary>
    private void Norm(float* x, float* weight, int rows, float* normal)
    {
        long width = queryKeyValue.Inputs;
        if (weight is null)
        {
            new ReadOnlySpan<float>(x, rows * (int)width).CopyTo(new(normal, rows * (int)width));
            return;
        }

        for (int row = 0; row < rows; row++)
        {
            RowFunctions<TLanes>.Norm(x + (row * width), weight, (int)width, epsilon, normal + (row * width));
        }
    }

    /// <summary>All heads of q at once in their place, and all of k: a text's either is one piece of work.</summary>
    private void NormAllHeads(WorkerTeam team, int worker, StepBuffers buffers, int rows)
    {
        (long begin, long end) = team.Share(worker, 2L * rows);
        for (long task = begin; task < end; task++)
        {
            bool isQuery = task % 2 == 0;
            float* heads = buffers.QueryKeyValue + (task / 2 * queryKeyValue.Outputs) + (isQuery ? 0 : attention.QueryWidth);
            RowFunctions<TLanes>.Norm(heads, isQuery ? allQueriesNorm : allKeysNorm, isQuery ? attention.QueryWidth : attention.KeyWidth, epsilon, heads);
        }
    }

    private void Gate(float* gate, long toUp, float* active, long count)
    {
        if (mlp.Activation == GateActivation.Silu)
        {
            RowFunctions<TLanes>.Gate<SiluGate>(gate, gate + toUp, active, count);
        }
        else
        {
            RowFunctions<TLanes>.Gate<TanhGeluGate>(gate, gate + toUp, active, count);
        }
    }

    /// <summary>x += s · product(input), for the thread's share of x, or of the product's norm where there is one.</summary>
    private void AddBranch(DirectProduct<TLanes, TElement> product, float* input, float* norm, WorkerTeam team, int worker, StepBuffers buffers, int rows)
    {
        WorkerBuffers own = buffers.Own[worker];
        product.Reduce(input, rows, own.Low);
        (long begin, long end) = team.Share(worker, product.Outputs);
        product.Multiply(input, rows, own, buffers.Branch, begin, end);
        float* branch = buffers.Branch;
        if (norm is not null)
        {
            team.Meet(); // it goes over whole rows
            Norm(branch, norm, rows, own.Normal);
            branch = own.Normal;
        }

        for (int row = 0; row < rows; row++)
        {
            long first = (row * product.Outputs) + begin;
            RowFunctions<TLanes>.Add(buffers.Residual + first, branch + first, (float)block.ResidualScale, end - begin);
        }
    }

    private void Attend(WorkerTeam team, int worker, StepBuffers buffers, IReadOnlyList<TextCache<TElement>> texts, PlaceAngles? angles)
    {
        WorkerBuffers own = buffers.Own[worker];
        int group = attention.Heads / attention.KeyValueHeads, size = attention.HeadDimension;
        (long begin, long end) = team.Share(worker, (long)texts.Count * attention.Heads);
        long prepared = -1;
        for (long task = begin; task < end; task++)
        {
            int row = (int)(task / attention.Heads), head = (int)(task % attention.Heads), shared = head / group;
            TextCache<TElement> text = texts[row];
            float* heads = buffers.QueryKeyValue + (row * queryKeyValue.Outputs);
            if (task / group != prepared)
            {
                // Where two threads share a key/value head both write the same values, and neither waits.
                prepared = task / group;
                long place = ((long)text.Length * attention.KeyWidth) + (shared * size);
                Prepare(heads + attention.QueryWidth + (shared * size), keyNorm, 1, text.Length, angles, own.Head);
                Store(own.Head, text.Keys(number) + place, size);
                Store(heads + attention.QueryWidth + attention.KeyWidth + (shared * size), text.Values(number) + place, size);
            }

            Prepare(heads + (head * size), queryNorm, (float)block.ScoreScale, text.Length, angles, own.Head);
            int first = attention.Window is int window ? Math.Max(0, text.Length + 1 - window) : 0;
            long seen = ((long)first * attention.KeyWidth) + (shared * size);
            DirectAttention<TLanes, TElement>.Mix(
                own.Head, text.Keys(number) + seen, text.Values(number) + seen, attention.KeyWidth, text.Length + 1 - first, size, (float?)attention.ScoreCap, own.Scores,
                buffers.Mixed + (row * attention.QueryWidth) + (head * size));
        }
    }

    /// <summary>A head, normalised, rotated and scaled.</summary>
    private void Prepare(float* head, float* norm, float scale, int place, PlaceAngles? angles, float* prepared)
    {
        int size = attention.HeadDimension;
        if (norm is not null)
        {
            RowFunctions<TLanes>.Norm(head, norm, size, epsilon, prepared);
        }
        else
        {
            new ReadOnlySpan<float>(head, size).CopyTo(new(prepared, size));
        }

        if (angles is not null)
        {
            RowFunctions<TLanes>.Rotate(prepared, angles.Cosine(place), angles.Sine(place), angles.Count);
        }

        RowFunctions<TLanes>.Scale(prepared, scale, size);
    }

    private static void Store(float* source, TElement* destination, int count)
    {
        for (int at = 0; at < count; at += TLanes.Count)
        {
            Vectors<TLanes, TElement>.Store(destination + at, count - at, Vectors<TLanes, SingleElement>.Load((SingleElement*)source + at, count - at));
        }
    }
}
