using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Goes on texts on a CPU by vector code over the weights where they lie, without an operator of libtorch: a token costs little more than the time in which
/// memory gives the weights. It computes what the fused step does; activations are float32 also where the weights are bfloat16.
/// </summary>
internal sealed unsafe class DirectDecoder<TLanes, TElement> : IDecoder
    where TLanes : unmanaged, ILanes<TLanes>
    where TElement : unmanaged, IElement<TElement>
{
    private const int Growth = 256;

    private readonly FusedDecoder model;
    private readonly DirectChanges changes;
    private readonly DirectBlock<TLanes, TElement>[] blocks;
    private readonly DirectProduct<TLanes, TElement> head;
    private readonly DirectReader reader;
    private readonly PlaceAngles[] angles;
    private readonly WorkerTeam team;
    private readonly TElement* embedding;
    private readonly float* norm;
    private readonly double epsilon;
    private readonly float scale;
    private readonly List<DirectText<TElement>> texts = [];
    private readonly TensorStack scratch = new(CPU); // no room is planned: what is taken has memory of its own
    private StepBuffers? buffers;

    /// <param name="model">The frozen weights.</param>
    /// <param name="changes">What adapters change; what they keep it in has to stay as it is for as long as this is used.</param>
    /// <param name="threads">How many compute.</param>
    public DirectDecoder(FusedDecoder model, DirectChanges changes, int threads)
    {
        this.model = model;
        this.changes = changes;
        blocks = [.. model.Layers.Select((weights, number) => new DirectBlock<TLanes, TElement>(number, weights, changes.Factors))];
        head = new(model.Head, [changes.Factors.GetValueOrDefault(model.Shape.Head.Name)]);
        reader = new(model, changes);
        angles = [.. model.NewRotations().Select(rotation => new PlaceAngles(rotation))];
        team = new(threads);
        embedding = (TElement*)TensorMemory.Address(model.Embedding);
        norm = (float*)TensorMemory.Address(model.Norm.Wide);
        epsilon = model.Shape.FinalNorm!.Epsilon;
        scale = (float)(EmbeddingScale.Of(model.Shape.Embedding, model.Embedding.dtype) ?? 1);
    }

    /// <inheritdoc/>
    public void Read(IReadOnlyList<int> ids)
    {
        DirectText<TElement> text = new(new(blocks.Length, model.Layers[0].Block.Attention.KeyWidth), model.Shape.VocabularySize);
        texts.Add(text);
        Add(text, ids);
    }

    /// <inheritdoc/>
    public void Continue(int kept, IReadOnlyList<int> ids)
    {
        DirectText<TElement> text = texts.Single();
        text.Cache.Length = kept;
        Add(text, ids);
    }

    /// <summary>Reads tokens behind those that a text has.</summary>
    private void Add(DirectText<TElement> text, IReadOnlyList<int> ids)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        TextCache<TElement> cache = text.Cache;
        int before = cache.Length;
        cache.Reserve(before + ids.Count);
        using PastAttention past = new(before, scratch);
        Tensor last = reader.Read(ids, before, (block, heads) =>
        {
            cache.Add(block, heads.Key, heads.Value);
            return before == 0 ? null : past.Mix(heads.Query, cache.Copies(block, heads.Key, before + heads.Key.shape[0]), model.Layers[block].Block.Heads, isPlain: model.Layers[block].Block.Heads.Cap is not null);
        }); // [1, hidden]
        cache.Length += ids.Count;
        StepBuffers room = Room();
        last.data<float>().ToArray().CopyTo(new Span<float>(room.Residual, model.Shape.HiddenSize));
        team.Run(worker => Finish(worker, room, 1));
        EndLogits(room, 1);
        new ReadOnlySpan<float>(room.Logits, text.Logits.Length).CopyTo(text.Logits);
    }

    /// <inheritdoc/>
    public void Step(IReadOnlyList<int> ids)
    {
        StepBuffers room = Room();
        texts.ForEach(text => text.Cache.Reserve(text.Cache.Length + 1));
        Embed(ids, room.Residual);
        Array.ForEach(angles, own => own.Reserve(room.Places));
        TextCache<TElement>[] caches = [.. texts.Select(text => text.Cache)];
        team.Run(worker =>
        {
            foreach (DirectBlock<TLanes, TElement> block in blocks)
            {
                block.Step(team, worker, room, caches, angles);
            }

            Finish(worker, room, caches.Length);
        });
        EndLogits(room, texts.Count);
        for (int row = 0; row < texts.Count; row++)
        {
            texts[row].Cache.Length++;
            new ReadOnlySpan<float>(room.Logits + ((long)row * head.Outputs), texts[row].Logits.Length).CopyTo(texts[row].Logits);
        }
    }

    /// <inheritdoc/>
    public void Keep(IReadOnlyList<int> rows)
    {
        DirectText<TElement>[] kept = [.. rows.Select(row => texts[row])];
        texts.Except(kept).ToList().ForEach(text => text.Cache.Dispose());
        texts.Clear();
        texts.AddRange(kept);
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Logits(int row) => texts[row].Logits;

    /// <inheritdoc/>
    public void Dispose()
    {
        texts.ForEach(text => text.Cache.Dispose());
        buffers?.Dispose();
        team.Dispose();
        Array.ForEach(blocks, block => block.Dispose());
        head.Dispose();
        Array.ForEach(angles, own => own.Dispose());
        reader.Dispose();
        scratch.Dispose();
    }

    /// <summary>What the first block gets of tokens.</summary>
    private void Embed(IReadOnlyList<int> ids, float* x)
    {
        int hidden = model.Shape.HiddenSize;
        if (changes.Embed is not null)
        {
            using IDisposable noGradient = no_grad();
            using DisposeScope scope = NewDisposeScope();
            Tensor rows = empty([ids.Count, hidden], dtype: model.Embedding.dtype, device: CPU);
            model.Embed(DeviceIndex.Of([.. ids.Select(id => (long)id)], CPU), rows, changes.Embed);
            rows.to(ScalarType.Float32).data<float>().ToArray().CopyTo(new Span<float>(x, ids.Count * hidden));
            return;
        }

        for (int row = 0; row < ids.Count; row++)
        {
            TElement* source = embedding + ((long)ids[row] * hidden);
            for (int at = 0; at < hidden; at++)
            {
                x[(row * hidden) + at] = scale * TElement.Get(source + at);
            }
        }
    }

    /// <summary>What comes to the logits behind the head's products: what adapters add, and the cap, by which the last norm has divided them.</summary>
    private void EndLogits(StepBuffers room, int rows)
    {
        if (changes.AddToLogits is not null)
        {
            AddToLogits(room, rows, changes.AddToLogits);
        }

        if (model.Shape.Head.Cap is double cap)
        {
            team.Run(worker =>
            {
                (long begin, long end) = team.Share(worker, rows * head.Outputs);
                RowFunctions<TLanes>.Cap(room.Logits + begin, 1, (float)cap, end - begin);
            });
        }
    }

    private void AddToLogits(StepBuffers room, int rows, Func<Tensor, Tensor> add)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        int hidden = model.Shape.HiddenSize;
        Tensor input = empty([rows, hidden], dtype: ScalarType.Float32, device: CPU);
        new ReadOnlySpan<float>(room.Own[0].Normal, rows * hidden).CopyTo(new Span<float>((void*)TensorMemory.Address(input), rows * hidden));
        Tensor added = add(input).contiguous(); // [rows, vocabulary]
        RowFunctions<TLanes>.Add(room.Logits, (float*)TensorMemory.Address(added), 1, rows * head.Outputs);
    }

    /// <summary>Room for all texts and a token more of each.</summary>
    private StepBuffers Room()
    {
        int longest = texts.Max(text => text.Cache.Length) + 1;
        if (buffers is null || buffers.Rows < texts.Count || buffers.Places < longest)
        {
            buffers?.Dispose();
            int rank = Math.Max(head.Rank, blocks.Max(block => block.Rank));
            buffers = new(model.Shape, model.Layers[0].Block, rank, texts.Count, team.Count, ((longest / Growth) + 1) * Growth);
        }

        return buffers;
    }

    /// <summary>A thread's share of the last norm, which it computes for itself, and of the head.</summary>
    private void Finish(int worker, StepBuffers room, int rows)
    {
        WorkerBuffers own = room.Own[worker];
        int hidden = model.Shape.HiddenSize;
        for (int row = 0; row < rows; row++)
        {
            RowFunctions<TLanes>.Norm(room.Residual + (row * hidden), norm, hidden, epsilon, own.Normal + (row * hidden));
        }

        head.Reduce(own.Normal, rows, own.Low);
        (long begin, long end) = team.Share(worker, head.Outputs);
        head.Multiply(own.Normal, rows, own, room.Logits, begin, end);
    }
}

/// <summary>A text that is gone on: what blocks keep of it, and what is expected next.</summary>
/// <param name="Cache">Its keys and values.</param>
/// <param name="Vocabulary">How many tokens there are.</param>
internal sealed record DirectText<TElement>(TextCache<TElement> Cache, int Vocabulary)
    where TElement : unmanaged
{
    /// <summary>[vocabulary].</summary>
    public float[] Logits { get; } = new float[Vocabulary];
}
