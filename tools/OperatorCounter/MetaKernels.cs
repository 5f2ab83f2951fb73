using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Tools.Operators;

/// <summary>
/// Shapes of the results of operators that libtorch has no kernel for on META, where tensors have no values: registered as its own kernels would be,
/// so that whoever calls them there is served, and counted, as on a card.
/// </summary>
public static unsafe class MetaKernels
{
    // torch/csrc/stable/library.h: each argument is a word; T a tensor, t one that may be missing, o another value that may be missing, l a list of numbers, L one of tensors.
    private const string ForwardArguments = "TTTtttoo---oto";
    private const string BackwardArguments = "TTTTtTtt--T-TT--ooo-";
    private const string FlashForwardArguments = "TTTtt-----ooott";
    private const string FlashBackwardArguments = "TTTTTTTT----TTooo";

    private const string MaskedAttentionArguments = "TTTt--o-";
    private const string NormArguments = "TTlTtl";
    private const string LayerNormArguments = "Tltt-";
    private const string LayerNormBackwardArguments = "TTlTTttl";
    private const string SelectArguments = "T-T";
    private const string AdamArguments = "LLLLLL-------tt";

    // The kernels' blocks of queries, in whole ones of which statistics are laid out.
    private const long Block = 32;

    private static readonly Lazy<bool> Registered = new(Add);

    /// <summary>Whether the last backward pass of an attention on this thread was asked for gradients that are the same each time; null before the first.</summary>
    [field: ThreadStatic]
    public static bool? IsRepeatable { get; private set; }

    /// <summary>Registers them, once for the process.</summary>
    public static void Register() => _ = Registered.Value;

    private static bool Add()
    {
        TorchLibrary.Load();
        nint library = Shim.Library("aten", "Meta");
        Shim.Add(library, "_efficient_attention_forward", &EfficientForward);
        Shim.Add(library, "_efficient_attention_backward", &EfficientBackward);
        Shim.Add(library, "_flash_attention_forward", &FlashForward);
        Shim.Add(library, "_flash_attention_backward", &FlashBackward);
        Shim.Add(library, "scaled_dot_product_attention", &MaskedAttention);
        Shim.Add(library, "_fused_rms_norm_backward", &NormBackward);
        Shim.Add(library, "native_layer_norm", &LayerNorm);
        Shim.Add(library, "native_layer_norm_backward", &LayerNormBackward);
        Shim.Add(library, "index_select", &Select);
        Shim.Add(library, "index_select.out", &SelectInto);
        Shim.Add(library, "_fused_adamw_", &Adam);
        return true;
    }

    /// <summary>(output, logsumexp, philox_seed, philox_offset, max_seqlen_batch_q, max_seqlen_batch_k) of q, k and v [batch, tokens, heads, headSize].</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void EfficientForward(ulong* stack, ulong arguments, ulong results)
    {
        long[] query = Shim.Sizes((nint)stack[0]);
        long[] ends = stack[4] == 0 ? [] : Shim.Sizes((nint)(*(ulong*)stack[4]));
        (long longestQuery, long longestKey) = (Optional(stack[6]) ?? query[1], Optional(stack[7]) ?? Shim.Sizes((nint)stack[1])[1]);
        long documents = ends.Length > 0 ? ends[0] - 1 : query[0];
        ScalarType type = Shim.Type((nint)stack[0]);
        Release(stack, ForwardArguments);
        stack[0] = Shim.Empty(query, type);
        stack[1] = Shim.Empty([documents, query[2], (longestQuery + Block - 1) / Block * Block], ScalarType.Float32);
        stack[2] = Shim.Empty([], ScalarType.Int64);
        stack[3] = Shim.Empty([], ScalarType.Int64);
        (stack[4], stack[5]) = ((ulong)longestQuery, (ulong)longestKey);
    }

    /// <summary>(grad_query, grad_key, grad_value, grad_bias), the last one of nothing.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void EfficientBackward(ulong* stack, ulong arguments, ulong results)
    {
        long[][] shapes = [.. Enumerable.Range(1, 3).Select(index => Shim.Sizes((nint)stack[index]))];
        ScalarType type = Shim.Type((nint)stack[1]);
        IsRepeatable = Optional(stack[17]) == 1; // splits of the keys
        Release(stack, BackwardArguments);
        for (int index = 0; index < shapes.Length; index++)
        {
            stack[index] = Shim.Empty(shapes[index], type);
        }

        stack[3] = Shim.Empty([0], type);
    }

    /// <summary>(output, softmax_logsumexp, rng_state, unused, debug_attn_mask) of q [tokens, heads, headSize] and of k and v with as many heads or fewer.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void FlashForward(ulong* stack, ulong arguments, ulong results)
    {
        (long[] query, ScalarType type) = (Shim.Sizes((nint)stack[0]), Shim.Type((nint)stack[0]));
        Release(stack, FlashForwardArguments);
        stack[0] = Shim.Empty(query, type);
        stack[1] = Shim.Empty([query[1], query[0]], ScalarType.Float32);
        stack[2] = Shim.Empty([2], ScalarType.Int64);
        stack[3] = Shim.Empty([], ScalarType.Int64);
        stack[4] = Shim.Empty([0], type);
    }

    /// <summary>(grad_query, grad_key, grad_value).</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void FlashBackward(ulong* stack, ulong arguments, ulong results)
    {
        long[][] shapes = [.. Enumerable.Range(1, 3).Select(index => Shim.Sizes((nint)stack[index]))];
        ScalarType type = Shim.Type((nint)stack[1]);
        IsRepeatable = Shim.IsRepeatable;
        Release(stack, FlashBackwardArguments);
        for (int index = 0; index < shapes.Length; index++)
        {
            stack[index] = Shim.Empty(shapes[index], type);
        }
    }

    /// <summary>What q [batch, heads, tokens, headSize] mixes of values [batch, heads, keys, valueSize], as by one of a card's kernels; by formulas META has no softmax for it.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void MaskedAttention(ulong* stack, ulong arguments, ulong results)
    {
        (long[] shape, ScalarType type) = (Shim.Sizes((nint)stack[0]), Shim.Type((nint)stack[0]));
        shape[^1] = Shim.Sizes((nint)stack[2])[^1];
        Release(stack, MaskedAttentionArguments);
        stack[0] = Shim.Empty(shape, type);
    }

    /// <summary>(grad_input, grad_weight), the second one of nothing.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void NormBackward(ulong* stack, ulong arguments, ulong results)
    {
        (long[] shape, ScalarType type) = (Shim.Sizes((nint)stack[1]), Shim.Type((nint)stack[1]));
        Release(stack, NormArguments);
        stack[0] = Shim.Empty(shape, type);
        stack[1] = Shim.Empty([0], type);
    }

    /// <summary>(output, mean, rstd), the last two a number for each row.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void LayerNorm(ulong* stack, ulong arguments, ulong results)
    {
        (long[] shape, ScalarType type) = (Shim.Sizes((nint)stack[0]), Shim.Type((nint)stack[0]));
        ScalarType wide = type == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        Release(stack, LayerNormArguments);
        stack[0] = Shim.Empty(shape, type);
        stack[1] = Shim.Empty([.. shape[..^1], 1], wide);
        stack[2] = Shim.Empty([.. shape[..^1], 1], wide);
    }

    /// <summary>(grad_input, grad_weight, grad_bias), the last two of nothing.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void LayerNormBackward(ulong* stack, ulong arguments, ulong results)
    {
        (long[] shape, ScalarType type) = (Shim.Sizes((nint)stack[1]), Shim.Type((nint)stack[1]));
        Release(stack, LayerNormBackwardArguments);
        stack[0] = Shim.Empty(shape, type);
        stack[1] = Shim.Empty([0], type);
        stack[2] = Shim.Empty([0], type);
    }

    /// <summary>Some rows of a tensor, or other parts of one dimension.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Select(ulong* stack, ulong arguments, ulong results)
    {
        (long[] shape, ScalarType type) = (Shim.Sizes((nint)stack[0]), Shim.Type((nint)stack[0]));
        long dimension = (long)stack[1] < 0 ? (long)stack[1] + shape.Length : (long)stack[1];
        shape[dimension] = Shim.Sizes((nint)stack[2])[0];
        Release(stack, SelectArguments);
        stack[0] = Shim.Empty(shape, type);
    }

    /// <summary>The last argument, which the slices are written into.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void SelectInto(ulong* stack, ulong arguments, ulong results)
    {
        ulong result = stack[3];
        Release(stack, SelectArguments);
        stack[0] = result;
    }

    /// <summary>Changes its arguments and has no result.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Adam(ulong* stack, ulong arguments, ulong results) => Release(stack, AdamArguments);

    private static long? Optional(ulong word) => word == 0 ? null : *(long*)word;

    // What is handed over is the kernel's own.
    private static void Release(ulong* stack, string kinds)
    {
        for (int index = 0; index < kinds.Length; index++)
        {
            ulong word = stack[index];
            switch (kinds[index])
            {
                case 'T':
                    Shim.Delete((nint)word);
                    break;
                case 'L':
                    Shim.DeleteItems((nint)word);
                    goto case 'l';
                case 'l':
                    Shim.DeleteList((nint)word);
                    break;
                case 't' or 'o' when word != 0:
                    if (kinds[index] == 't')
                    {
                        Shim.Delete((nint)(*(ulong*)word));
                    }

                    NativeMemory.Free((void*)word);
                    break;
            }
        }
    }

    private static class Shim
    {
        private static readonly nint Torch = NativeLibrary.Load(TorchLibrary.FindFile("torch_cpu")!);
        private static readonly delegate* unmanaged[Cdecl]<byte*, byte*, byte*, uint, nint*, int> InitImpl = (delegate* unmanaged[Cdecl]<byte*, byte*, byte*, uint, nint*, int>)Find("aoti_torch_library_init_impl");
        private static readonly delegate* unmanaged[Cdecl]<nint, byte*, delegate* unmanaged[Cdecl]<ulong*, ulong, ulong, void>, int> Impl =
            (delegate* unmanaged[Cdecl]<nint, byte*, delegate* unmanaged[Cdecl]<ulong*, ulong, ulong, void>, int>)Find("aoti_torch_library_impl");
        private static readonly delegate* unmanaged[Cdecl]<nint, long*, int> GetDimensions = (delegate* unmanaged[Cdecl]<nint, long*, int>)Find("aoti_torch_get_dim");
        private static readonly delegate* unmanaged[Cdecl]<nint, long**, int> GetSizes = (delegate* unmanaged[Cdecl]<nint, long**, int>)Find("aoti_torch_get_sizes");
        private static readonly delegate* unmanaged[Cdecl]<nint, int*, int> GetDataType = (delegate* unmanaged[Cdecl]<nint, int*, int>)Find("aoti_torch_get_dtype");
        private static readonly delegate* unmanaged[Cdecl]<nint, int> DeleteTensor = (delegate* unmanaged[Cdecl]<nint, int>)Find("aoti_torch_delete_tensor_object");
        private static readonly delegate* unmanaged[Cdecl]<nint, int> DeleteListHandle = (delegate* unmanaged[Cdecl]<nint, int>)Find("torch_delete_list");
        private static readonly delegate* unmanaged[Cdecl]<nint, nuint*, int> ListSize = (delegate* unmanaged[Cdecl]<nint, nuint*, int>)Find("torch_list_size");
        private static readonly delegate* unmanaged[Cdecl]<nint, nuint, ulong*, int> ListItem = (delegate* unmanaged[Cdecl]<nint, nuint, ulong*, int>)Find("torch_list_get_item");
        private static readonly delegate* unmanaged[Cdecl]<nint, nint*, int> NewHandle = (delegate* unmanaged[Cdecl]<nint, nint*, int>)Find("aoti_torch_new_tensor_handle");

        private static readonly delegate* unmanaged[Cdecl]<nint> Context = (delegate* unmanaged[Cdecl]<nint>)Find("_ZN2at13globalContextEv");
        private static readonly delegate* unmanaged[Cdecl]<nint, byte> GetRepeatable = (delegate* unmanaged[Cdecl]<nint, byte>)Find("_ZNK2at7Context23deterministicAlgorithmsEv");

        /// <summary>Whether libtorch is asked for algorithms that give the same numbers each time.</summary>
        public static bool IsRepeatable => (GetRepeatable(Context()) & 1) != 0;

        /// <summary>Where kernels of a namespace and a dispatch key are registered, for as long as the process lives.</summary>
        public static nint Library(string name, string key)
        {
            fixed (byte* space = Text(name), dispatch = Text(key), file = Text(nameof(MetaKernels)))
            {
                nint library;
                return InitImpl(space, dispatch, file, 0, &library) == 0 ? library : throw new InvalidOperationException($"libtorch took no kernels for {name} on {key}.");
            }
        }

        public static void Add(nint library, string name, delegate* unmanaged[Cdecl]<ulong*, ulong, ulong, void> kernel)
        {
            fixed (byte* text = Text(name))
            {
                _ = Impl(library, text, kernel) == 0 ? 0 : throw new InvalidOperationException($"libtorch took no kernel for {name}.");
            }
        }

        public static long[] Sizes(nint tensor)
        {
            long count;
            long* sizes;
            _ = GetDimensions(tensor, &count) | GetSizes(tensor, &sizes);
            return [.. new ReadOnlySpan<long>(sizes, (int)count)];
        }

        public static ScalarType Type(nint tensor)
        {
            int type;
            _ = GetDataType(tensor, &type);
            return (ScalarType)type;
        }

        public static void Delete(nint tensor) => _ = DeleteTensor(tensor);

        public static void DeleteList(nint list) => _ = DeleteListHandle(list);

        public static void DeleteItems(nint list)
        {
            nuint count;
            _ = ListSize(list, &count);
            for (nuint index = 0; index < count; index++)
            {
                ulong item;
                _ = ListItem(list, index, &item);
                Delete((nint)item);
            }
        }

        /// <summary>A tensor on META by a handle that the caller of the kernel takes over.</summary>
        public static ulong Empty(long[] shape, ScalarType type)
        {
            using Tensor made = empty(shape, dtype: type, device: META);
            nint handle;
            _ = NewHandle(made.Handle, &handle);
            return (ulong)handle;
        }

        private static byte[] Text(string text) => System.Text.Encoding.UTF8.GetBytes(text + '\0');

        private static nint Find(string name) => NativeLibrary.GetExport(Torch, name);
    }
}
