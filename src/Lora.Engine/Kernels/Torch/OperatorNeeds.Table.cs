using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>The rows. Whole operators come first; what follows needs nothing but a dtype.</content>
internal sealed partial record OperatorNeeds
{
    private const string Attention = "ATen/native/transformers/cuda/sdp_utils.cpp";
    private const string InsteadOfAttention = "Attention by plain products";

    // Compute capabilities; bfloat16 came with Ampere.
    private static readonly Version Maxwell = new(5, 0);
    private static readonly Version Ampere = new(8, 0);
    private static readonly Version Newest = new(12, 1);

    private static readonly (ScalarType, Version?)[] AnyFloat = [.. Half(null), (ScalarType.Float32, null), (ScalarType.Float64, null)];

    /// <summary>FlashAttention 2: grouped heads as they are; documents by lengths; windows.</summary>
    public static OperatorNeeds FlashAttention { get; } = new()
    {
        Names = Aten("_flash_attention_forward _flash_attention_backward"),
        Instead = InsteadOfAttention,
        Types = Half(Ampere),
        Latest = Newest,
        Heads = new(Bytes: 16)
        {
            Largest = 256,
            // Its backward pass runs out of shared memory for wider heads on cards of these generations.
            Smaller = ([new(8, 6), new(8, 7), new(8, 9), new(12, 0), new(12, 1)], 192),
            AreGrouped = true,
            HasWindow = true,
        },
        IsOnWindows = false, // libtorch is built without it there
        NeedsRepeatableAlgorithms = true,
        Sources =
        [
            new(Attention, "check_flash_attention_hardware_support", "compute capability 8.0 to 12.1"),
            new(Attention, "check_requires_grad_and_head_dim_gt192_constraints_on_sm86_89_or_120", "no gradients of heads of more than 192 values on 8.6 to 8.9, 12.0 and 12.1"),
            new("ATen/native/transformers/cuda/flash_attn/flash_api.cpp", "mha_varlen_fwd", "float16 and bfloat16, heads of a multiple of 8 values and 256 at the most, as many heads of queries as of keys or a multiple"),
            new("ATen/native/transformers/cuda/flash_attn/flash_api.cpp", "mha_varlen_bwd", "one sum of dq for each processor where deterministic algorithms are asked for"),
        ],
    };

    /// <summary>The memory efficient kernels of xFormers: as many heads of keys as of queries; documents by lengths; windows.</summary>
    public static OperatorNeeds EfficientAttention { get; } = new()
    {
        Names = Aten("_efficient_attention_forward _efficient_attention_backward"),
        Instead = InsteadOfAttention,
        Types = [.. Half(Maxwell, Ampere), (ScalarType.Float32, Maxwell)],
        Latest = Newest,
        Heads = new(Bytes: 16) { HasWindow = true },
        Sources =
        [
            new(Attention, "check_mem_efficient_hardware_support", "compute capability 5.0 to 12.1"),
            new(Attention, "can_use_mem_efficient_attention", "bfloat16 from compute capability 8.0 on"),
            new(Attention, "minimum_gemm_alignment", "values of 16 bits in multiples of 8 and those of 32 in multiples of 4 from compute capability 8.0 on, fewer before"),
            new("ATen/native/transformers/cuda/attention_backward.cu", "_efficient_attention_backward", "as many heads of keys as of queries, lengths in int32, distances between heads aligned as the kernels ask"),
        ],
    };

    /// <summary>Attention of texts behind a beginning that they share, of heads that the memory efficient kernels serve.</summary>
    public static OperatorNeeds MaskedAttention { get; } = new()
    {
        Names = Aten("scaled_dot_product_attention"),
        Types = AnyFloat,
        IsOnProcessor = true,
        Sources =
        [
            new("ATen/native/transformers/attention.cpp", "scaled_dot_product_attention", "the kernel that serves the heads with a mask, and formulas where none does; rows of a mask that are no multiple of 16 bytes are laid out anew"),
        ],
    };

    /// <summary>The norm by root mean squares with its backward pass; the weight has the dtype of what is normalised.</summary>
    public static OperatorNeeds FusedNorm { get; } = new()
    {
        Names = Aten("_fused_rms_norm _fused_rms_norm_backward"),
        Instead = "Norms by formulas",
        Types = AnyFloat, // it computes in float32, to which bfloat16 is widened on any card
        Sources =
        [
            new("ATen/native/layer_norm.cpp", "rms_norm_symint", "the whole operator where the weight has the dtype of the input, and a composition elsewhere"),
            new("ATen/native/cuda/layer_norm_kernel.cu", "_fused_rms_norm_cuda", "float16, bfloat16, float32 and float64; rows are made contiguous"),
            new("ATen/native/cuda/layer_norm_kernel.cu", "_fused_rms_norm_backward_cuda", "the same dtypes; there is none for processors"),
        ],
    };

    /// <summary>The norm that takes the mean away, with its backward pass.</summary>
    public static OperatorNeeds LayerNorm { get; } = new()
    {
        Names = Aten("native_layer_norm native_layer_norm_backward"),
        Types = AnyFloat,
        IsOnProcessor = true,
        Sources =
        [
            new("ATen/native/cuda/layer_norm_kernel.cu", "LayerNormKernelImpl", "float16, bfloat16, float32 and float64, weight and shift in the same; mean and scale of 16 bits in float32"),
            new("ATen/native/cuda/layer_norm_kernel.cu", "layer_norm_backward_cuda", "the same dtypes; gradients that nobody asks for are not computed"),
        ],
    };

    /// <summary>AdamW in one pass.</summary>
    public static OperatorNeeds FusedAdam { get; } = new()
    {
        Names = Aten("_fused_adamw_"),
        Instead = "AdamW by formulas",
        Types = AnyFloat,
        IsOnProcessor = true,
        Sources =
        [
            new("ATen/native/cuda/FusedAdamWKernel.cu", "_fused_adamw_kernel_cuda_", "values, gradients and moments of one dtype, device and layout; the step and the flag that skips it float32 and there too"),
            new("ATen/native/ForeachUtils.h", "check_fast_path_restrictions", "one dtype, one device, dense and not overlapping"),
        ],
    };

    /// <summary>Softmax with its gradient, over the last dimension; may be written over its input.</summary>
    public static OperatorNeeds Softmax { get; } = new()
    {
        Names = Aten("_softmax _log_softmax _softmax_backward_data"),
        Types = AnyFloat,
        IsOnProcessor = true,
        Sources = [new("ATen/native/cuda/SoftMax.cu", "host_softmax", "any floating-point dtype; sums in float32; a row is read whole before it is written")],
    };

    /// <summary>The activations of gates and of MLPs without one, with their gradients.</summary>
    public static OperatorNeeds Activations { get; } = new()
    {
        Names = Aten("silu silu_backward gelu gelu_backward threshold threshold_backward"),
        Types = AnyFloat,
        IsOnProcessor = true,
        Sources =
        [
            new("ATen/native/cuda/ActivationSiluKernel.cu", "silu_backward_kernel", "any floating-point dtype; computes in float32"),
            new("ATen/native/cuda/ActivationGeluKernel.cu", "GeluBackwardCUDAKernelImpl", "any floating-point dtype; computes in float32"),
            new("ATen/native/cuda/ActivationThresholdKernel.cu", "threshold_kernel_cuda", "any dtype; one kernel for both ways"),
        ],
    };

    /// <summary>Matrix products, by cuBLAS.</summary>
    public static OperatorNeeds Products { get; } = new()
    {
        Names = Aten("mm addmm addmm_ bmm baddbmm"),
        Types = AnyFloat, // those of 16 bits from compute capability 5.0 on, which is before the first that libtorch 2.10 is built for
        IsOnProcessor = true,
        Sources =
        [
            new("ATen/cuda/CUDABlas.cpp", "gemm_internal_cublas", "any floating-point dtype; sums of 16 bits in float32"),
            new("ATen/native/cuda/Blas.cpp", "prepare_batch_matrix_for_cublas", "one of the last two dimensions contiguous; else it is copied"),
        ],
    };

    /// <summary>Rows and values by their places.</summary>
    public static OperatorNeeds Places { get; } = new()
    {
        Names = Aten("index_select index_copy_ gather scatter_"),
        Types = AnyFloat,
        IsOnProcessor = true,
        Sources =
        [
            new("ATen/native/cuda/Indexing.cu", "index_select_out_cuda_impl", "any dtype; places in int32 or int64"),
            new("ATen/native/cuda/ScatterGatherKernel.cu", "cuda_scatter_gather_base_kernel", "any dtype; places in int64"),
        ],
    };

    /// <summary>Value by value, sums, copies, draws: nothing but a dtype, and results are rounded to that of the tensor that they are written into.</summary>
    public static OperatorNeeds Plain { get; } = new()
    {
        Names =
        [
            .. Aten("add add_ sub mul mul_ div_ addcmul addcmul_ addcdiv_ reciprocal sqrt rsqrt_ exp_ expm1_ log_ tanh_ tanh_backward cos_ sin_ clamp"),
            .. Aten("ge eq ne where maximum tril_ triu_ sum mean norm linalg_vector_norm argmax"),
            .. Aten("copy_ cat stack zero_ zeros full bernoulli_"),
        ],
        Types = AnyFloat,
        IsOnProcessor = true,
        Sources =
        [
            new("ATen/native/cuda/Loops.cuh", "gpu_kernel", "any dtype, converted as it is read and written"),
            new("ATen/native/cuda/Reduce.cuh", "gpu_reduce_kernel", "any dtype; sums of 16 bits in float32"),
        ],
    };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<OperatorNeeds> All { get; } = [FlashAttention, EfficientAttention, MaskedAttention, FusedNorm, LayerNorm, FusedAdam, Softmax, Activations, Products, Places, Plain];

    private static string[] Aten(string names) => [.. names.Split(' ').Select(name => "aten::" + name)];

    private static (ScalarType, Version?)[] Half(Version? earliest, Version? ofBrainFloat = null) => [(ScalarType.Float16, earliest), (ScalarType.BFloat16, ofBrainFloat ?? earliest)];
}
