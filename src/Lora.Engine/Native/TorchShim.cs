using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>The part of libtorch's stable C interface (torch/csrc/inductor/aoti_torch/c/shim.h and torch/csrc/stable/c/shim.h) that is used here.</summary>
internal static unsafe partial class TorchShim
{
    private const string Library = "torch_cpu";

    /// <summary>Calls the operator; the arguments on the stack are consumed and its results written over them.</summary>
    [LibraryImport(Library, EntryPoint = "aoti_torch_call_dispatcher", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int CallDispatcher(string name, string overload, ulong* stack);

    [LibraryImport(Library, EntryPoint = "aoti_torch_new_tensor_handle")]
    public static partial int NewTensorHandle(nint tensor, out nint handle);

    [LibraryImport(Library, EntryPoint = "aoti_torch_get_data_ptr")]
    public static partial int DataPointer(nint tensor, out nint data);

    [LibraryImport(Library, EntryPoint = "aoti_torch_create_tensor_from_blob")]
    public static partial int TensorFromBlob(
        nint data, long dimensions, long* sizes, long* strides, long offset, int type, int deviceType, int deviceIndex, out nint result);

    [LibraryImport(Library, EntryPoint = "aoti_torch_bmm_out")]
    public static partial int BatchProductInto(nint result, nint left, nint right);

    [LibraryImport(Library, EntryPoint = "aoti_torch_mm_out")]
    public static partial int ProductInto(nint result, nint left, nint right);

    [LibraryImport(Library, EntryPoint = "aoti_torch_addmm_out")]
    public static partial int SumInto(nint result, nint addend, nint left, nint right, float addendFactor, float productFactor);

    [LibraryImport(Library, EntryPoint = "torch_new_list_reserve_size")]
    public static partial int NewList(nuint capacity, out nint list);

    [LibraryImport(Library, EntryPoint = "torch_list_push_back")]
    public static partial int PushBack(nint list, ulong item);

    /// <summary>Whether this build of libtorch has <see cref="LinearPointwise"/>.</summary>
    public static bool HasLinearPointwise { get; } =
        NativeLibrary.TryLoad(Library, typeof(TorchShim).Assembly, null, out nint library) && NativeLibrary.TryGetExport(library, "aoti_torch_cpu__linear_pointwise", out _);

    /// <summary>mkldnn::_linear_pointwise, x Wᵀ + b by oneDNN. The tensors are borrowed, the result is the caller's.</summary>
    [LibraryImport(Library, EntryPoint = "aoti_torch_cpu__linear_pointwise", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int LinearPointwise(
        nint x, nint weight, nint* bias, string attribute, double** scalars, long scalarCount, byte** algorithm, out nint result);

    [LibraryImport(Library, EntryPoint = "torch_parallel_for")]
    public static partial int ParallelFor(long begin, long end, long grain, delegate* unmanaged<long, long, void*, void> body, void* context);
}
