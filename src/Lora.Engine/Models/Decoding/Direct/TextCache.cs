using System.Runtime.InteropServices;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The keys and values of one text in all blocks, [places, kvHeads headSize] each, in the dtype of the weights.</summary>
/// <param name="blocks">How many blocks.</param>
/// <param name="width">kvHeads headSize.</param>
internal sealed unsafe class TextCache<TElement>(int blocks, int width) : IDisposable
    where TElement : unmanaged
{
    private const int Growth = 256;
    private const int Alignment = 64;

    private readonly nint[] memory = new nint[2 * blocks]; // keys and values, block after block
    private int places;

    /// <summary>Tokens of the text.</summary>
    public int Length { get; set; }

    /// <summary>The keys of a block.</summary>
    public TElement* Keys(int block) => (TElement*)memory[2 * block];

    /// <summary>The values of a block.</summary>
    public TElement* Values(int block) => (TElement*)memory[(2 * block) + 1];

    /// <summary>Makes room for so many tokens.</summary>
    public void Reserve(int tokens)
    {
        if (tokens <= places)
        {
            return;
        }

        places = ((tokens / Growth) + 1) * Growth;
        for (int index = 0; index < memory.Length; index++)
        {
            memory[index] = (nint)NativeMemory.AlignedRealloc((void*)memory[index], (nuint)places * (nuint)(width * sizeof(TElement)), Alignment);
        }
    }

    /// <summary>Takes what a block computed of tokens behind the text's, for which there is room.</summary>
    /// <param name="block">The block.</param>
    /// <param name="key">[tokens, kvHeads, headSize].</param>
    /// <param name="value">The same.</param>
    public void Add(int block, Tensor key, Tensor value)
    {
        Copy(key, Keys(block) + ((long)Length * width));
        Copy(value, Values(block) + ((long)Length * width));

        static void Copy(Tensor heads, TElement* target)
        {
            using Tensor tokens = heads.contiguous();
            NativeMemory.Copy((void*)TensorMemory.Address(tokens), target, (nuint)(tokens.numel() * sizeof(TElement)));
        }
    }

    /// <summary>The keys and values of a block's first tokens, copied.</summary>
    /// <param name="block">The block.</param>
    /// <param name="like">What they are like, [.., kvHeads, headSize].</param>
    /// <param name="tokens">How many.</param>
    /// <returns>[tokens, kvHeads, headSize] each, in the caller's scope.</returns>
    public (Tensor Key, Tensor Value) Copies(int block, Tensor like, long tokens)
    {
        return (Of(Keys(block)), Of(Values(block)));

        Tensor Of(TElement* source)
        {
            Tensor copy = empty([tokens, like.shape[1], like.shape[2]], dtype: like.dtype, device: CPU);
            NativeMemory.Copy(source, (void*)TensorMemory.Address(copy), (nuint)(tokens * width * sizeof(TElement)));
            return copy;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int index = 0; index < memory.Length; index++)
        {
            NativeMemory.AlignedFree((void*)memory[index]);
            memory[index] = 0;
        }
    }
}
